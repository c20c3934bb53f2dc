// How does an array of any library come in without a copy? NumPy directly, everything else through DLPack,
// the CUDA array interface or the array interface.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "retempo/checks.h"

namespace retempo::bindings {

namespace py = pybind11;

// Holds whatever keeps the memory alive; destroy with the GIL held.
class Array : public ArrayFacts {
  public:
    Array() = default;
    Array(py::handle object, std::string name);
    Array(Array&& other) noexcept;
    Array& operator=(Array&& other) noexcept;
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array();

    bool absent() const { return absent_; }
    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }

  private:
    void from_numpy(const py::array& array);
    bool from_dlpack(py::handle object);
    void from_cuda_interface(const py::dict& facts);
    void release();

    py::object keep_;
    void* managed_ = nullptr;
    bool versioned_ = false;
    bool absent_ = true;
};

} // namespace retempo::bindings
