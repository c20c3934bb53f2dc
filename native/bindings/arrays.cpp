#include "arrays.h"

#include <cstring>
#include <utility>

namespace retempo::bindings {
namespace {

// The part of the DLPack ABI (version 1.x, and the unversioned struct before it) that a consumer of strided
// tensors needs.
namespace dl {
struct Device {
    int32_t type; // 1 CPU, 2 CUDA, 3 pinned host, 13 managed
    int32_t index;
};
struct DataType {
    uint8_t code; // 0 int, 1 uint, 2 float, 4 bfloat, 5 complex, 6 bool
    uint8_t bits;
    uint16_t lanes;
};
struct Tensor {
    void* data;
    Device device;
    int32_t ndim;
    DataType dtype;
    int64_t* shape;
    int64_t* strides; // elements; null: C-contiguous
    uint64_t byte_offset;
};
struct Managed {
    Tensor tensor;
    void* context;
    void (*deleter)(Managed*);
};
struct ManagedVersioned {
    uint32_t major, minor;
    void* context;
    void (*deleter)(ManagedVersioned*);
    uint64_t flags; // bit 0: read-only
    Tensor tensor;
};
} // namespace dl

void set_element(ArrayFacts& a, char kind, int bytes) {
    a.element_bytes = bytes;
    const std::string bits = std::to_string(bytes * 8);
    switch (kind) {
    case 'f':
        a.element = bytes == 4 ? Element::f32 : (bytes == 8 ? Element::f64 : Element::other);
        a.element_name = "float" + bits;
        break;
    case 'u':
        a.element = bytes == 4 ? Element::u32 : (bytes == 1 ? Element::u8 : Element::other);
        a.element_name = "uint" + bits;
        break;
    case 'i': // 32-bit patterns travel as int32 where a library has no uint32
        a.element = bytes == 4 ? Element::u32 : Element::other;
        a.element_name = "int" + bits;
        break;
    case 'b':
        a.element_name = "bool";
        break;
    case 'c':
        a.element_name = "complex" + bits;
        break;
    default:
        a.element_name = std::string("kind '") + kind + "' of " + bits + " bits";
        break;
    }
}

} // namespace

Array::Array(py::handle object, std::string argument) {
    name = std::move(argument);
    if (object.is_none()) return;
    absent_ = false;
    if (py::isinstance<py::array>(object)) {
        from_numpy(py::reinterpret_borrow<py::array>(object));
    } else if (py::hasattr(object, "__dlpack__")) {
        from_dlpack(object);
    } else if (py::hasattr(object, "__cuda_array_interface__")) {
        keep_ = py::reinterpret_borrow<py::object>(object);
        from_cuda_interface(py::cast<py::dict>(object.attr("__cuda_array_interface__")));
    } else if (py::hasattr(object, "__array_interface__") || PyObject_CheckBuffer(object.ptr())) {
        from_numpy(py::cast<py::array>(py::module_::import("numpy").attr("asarray")(object)));
    } else {
        throw WrongType(name + ": expected an array (NumPy, DLPack, CUDA array interface), got " +
                        std::string(py::str(py::type::of(object).attr("__name__"))));
    }
}

void Array::from_numpy(const py::array& array) {
    keep_ = array;
    data = const_cast<void*>(array.data());
    writable = array.writeable();
    set_element(*this, array.dtype().kind(), static_cast<int>(array.itemsize()));
    if (array.dtype().byteorder() == '>') {
        element = Element::other;
        element_name += " (big-endian)";
    }
    for (py::ssize_t i = 0; i < array.ndim(); ++i) {
        shape.push_back(array.shape(i));
        strides.push_back(array.strides(i) / array.itemsize());
        if (array.strides(i) % array.itemsize() != 0) strides.back() = -1; // not a multiple: never contiguous
    }
}

bool Array::from_dlpack(py::handle object) {
    const py::tuple where = py::cast<py::tuple>(object.attr("__dlpack_device__")());
    const int type = py::cast<int>(where[0]);
    // -1: no synchronisation, the caller's stream is the one that the data lives on
    py::object capsule = type == 2 || type == 13 ? object.attr("__dlpack__")(py::arg("stream") = -1)
                                                 : object.attr("__dlpack__")();
    const char* label = PyCapsule_GetName(capsule.ptr());
    const dl::Tensor* tensor = nullptr;
    if (label && std::strcmp(label, "dltensor") == 0) {
        auto* m = static_cast<dl::Managed*>(PyCapsule_GetPointer(capsule.ptr(), label));
        tensor = &m->tensor;
        managed_ = m;
        PyCapsule_SetName(capsule.ptr(), "used_dltensor");
    } else if (label && std::strcmp(label, "dltensor_versioned") == 0) {
        auto* m = static_cast<dl::ManagedVersioned*>(PyCapsule_GetPointer(capsule.ptr(), label));
        if (m->major != 1)
            throw WrongType(name + ": expected DLPack version 1, got version " + std::to_string(m->major));
        tensor = &m->tensor;
        managed_ = m;
        versioned_ = true;
        writable = !(m->flags & 1);
        PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    } else {
        throw WrongType(name + ": expected a DLPack capsule from __dlpack__(), got something else");
    }
    keep_ = py::reinterpret_borrow<py::object>(object);
    data = static_cast<char*>(tensor->data) + tensor->byte_offset;
    const char kinds[] = {'i', 'u', 'f', 'V', 'V', 'c', 'b'};
    set_element(*this, tensor->dtype.code < 7 ? kinds[tensor->dtype.code] : 'V', tensor->dtype.bits / 8);
    if (tensor->dtype.lanes != 1) element = Element::other;
    shape.assign(tensor->shape, tensor->shape + tensor->ndim);
    if (tensor->strides)
        strides.assign(tensor->strides, tensor->strides + tensor->ndim);
    else {
        strides.assign(shape.size(), 1);
        for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    }
    const int t = tensor->device.type;
    device = t == 1 || t == 3 ? DeviceKind::cpu : (t == 2 || t == 13 ? DeviceKind::cuda : DeviceKind::other);
    device_index = device == DeviceKind::cpu ? 0 : (device == DeviceKind::cuda ? tensor->device.index : t);
    return true;
}

void Array::from_cuda_interface(const py::dict& facts) {
    const std::string type = py::cast<std::string>(facts["typestr"]);
    set_element(*this, type.size() > 1 ? type[1] : 'V', type.size() > 2 ? std::stoi(type.substr(2)) : 0);
    const py::tuple memory = py::cast<py::tuple>(facts["data"]);
    data = reinterpret_cast<void*>(py::cast<uintptr_t>(memory[0]));
    writable = !py::cast<bool>(memory[1]);
    shape = py::cast<std::vector<int64_t>>(py::list(facts["shape"]));
    strides.assign(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    if (facts.contains("strides") && !facts["strides"].is_none()) {
        strides = py::cast<std::vector<int64_t>>(py::list(facts["strides"]));
        for (int64_t& s : strides) s = s % element_bytes ? -1 : s / element_bytes;
    }
    device = DeviceKind::cuda;
}

void Array::release() {
    if (!managed_) return;
    if (versioned_) {
        auto* m = static_cast<dl::ManagedVersioned*>(managed_);
        if (m->deleter) m->deleter(m);
    } else {
        auto* m = static_cast<dl::Managed*>(managed_);
        if (m->deleter) m->deleter(m);
    }
    managed_ = nullptr;
}

Array::Array(Array&& other) noexcept
    : ArrayFacts(std::move(other)), keep_(std::move(other.keep_)),
      managed_(std::exchange(other.managed_, nullptr)), versioned_(other.versioned_), absent_(other.absent_) {
}

Array& Array::operator=(Array&& other) noexcept {
    release();
    ArrayFacts::operator=(std::move(other));
    keep_ = std::move(other.keep_);
    managed_ = std::exchange(other.managed_, nullptr);
    versioned_ = other.versioned_;
    absent_ = other.absent_;
    return *this;
}

Array::~Array() { release(); }

} // namespace retempo::bindings
