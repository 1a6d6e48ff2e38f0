// SPDX-License-Identifier: Apache-2.0
//
// Values of tensors of any type, as 32-bit floats: what contenders are given and compared by.
#pragma once

#include <fettle/error.h>
#include <fettle/model.h>

#include <cstddef>
#include <span>
#include <vector>

namespace fettle::benchmarks {

/// Values of one tensor, dense in ONNX order. Integers are exact up to 2^24.
using Values = std::vector<float>;

/// Whether values of this type can be given and compared: floats of 32 and 64 bits, integers, truth values.
bool is_comparable(DataType type) noexcept;
/// The values as elements of a type, which is comparable.
std::vector<std::byte> stored(const Values& values, DataType type);
/// Elements of a type, which is comparable, as values.
Values read_values(std::span<const std::byte> elements, DataType type);

/// Values for every input of a model, the same on every machine: floats between -1 and 1, integers from 0 to
/// 99 (token numbers of any vocabulary), truth values. Errors: kWrongType for inputs of other types.
Result<std::vector<Values>> random_inputs(const Model& model);

}  // namespace fettle::benchmarks
