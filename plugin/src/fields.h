// What is one field of an interlaced picture? Every other row of it, as a picture of half the height.
//
// Rows count from 0, upwards: the lower field has the even ones, the upper the odd ones. The first field in
// time of a frame is shown at the frame's time, the other half a frame later. A field is made from fields of
// its own parity alone, which lie one frame apart from each other and on the same rows.
#pragma once

#include <string>
#include <type_traits>

#include "bridge/pixels.h"
#include "ofx_api.h"

namespace retempo::ofx {

enum class Field { None, Lower, Upper };

inline Field find_field(const std::string& name) {
    return name == kOfxImageFieldLower   ? Field::Lower
           : name == kOfxImageFieldUpper ? Field::Upper
                                         : Field::None;
}

// Rows of a field that lie in a frame's bounds, numbered within the field. No field: the bounds themselves.
inline bridge::Bounds field_bounds(bridge::Bounds bounds, Field field) {
    if (field == Field::None) return bounds;
    const int first = field == Field::Upper ? 1 : 0;
    const auto half = [first](int y) { // rounded up, below zero too
        const int rows = y - first + 1;
        return rows >= 0 ? rows / 2 : -((1 - rows) / 2);
    };
    bounds.y1 = half(bounds.y1);
    bounds.y2 = half(bounds.y2);
    return bounds;
}

// The field as a picture; its rows stay where they are.
template <class Data>
bridge::PictureOf<Data> take_field(bridge::PictureOf<Data> picture, Field field) {
    if (field == Field::None) return picture;
    const bridge::Bounds bounds = field_bounds(picture.bounds, field);
    const int row = 2 * bounds.y1 + (field == Field::Upper ? 1 : 0);
    using Bytes = std::conditional_t<std::is_const_v<Data>, const char, char>;
    picture.data = static_cast<Bytes*>(picture.data) + (row - picture.bounds.y1) * picture.row_bytes;
    picture.bounds = bounds;
    picture.row_bytes *= 2;
    return picture;
}

} // namespace retempo::ofx
