// SPDX-License-Identifier: Apache-2.0
//
// ONNX tensors (initialisers, constants) to constants.
#pragma once

#include "lib/graph/graph.h"
#include "lib/onnx/external_files.h"

#include <fettle/limits.h>

#include <onnx.pb.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace fettle::onnx_import {

/// The data type that ONNX's number stands for; `undefined` for those that Fettle does not have.
DataType data_type(std::int32_t onnx_type) noexcept;

/// The same for the names that the first opsets used: "FLOAT", "INT64".
DataType data_type(const std::string& onnx_name) noexcept;

/// ONNX's number of a data type; that of `undefined` is 0.
std::int32_t onnx_type(DataType type) noexcept;

/// How many elements of a type share a byte in files.
std::size_t elements_a_byte(DataType type) noexcept;

/// ONNX's own name for the data type of that number: "float8e4m3fn". "the unknown data type 99" for others.
std::string type_name(std::int32_t onnx_type);

/// Why Fettle cannot compute with such a tensor, such elements, or a value of such a type, in words that may
/// follow a name: "holds strings, ..." or "has 9 dimensions, ...". Empty where nothing is in the way.
std::string unusable(const onnx::TensorProto& tensor);
std::string unusable_elements(std::int32_t onnx_type);
std::string unusable(const onnx::TypeProto& type);

struct ImportedTensor {
  DataType type = DataType::undefined;
  Shape shape;
  std::shared_ptr<const Constant> constant;
};

/// Checks and copies a tensor that is not `unusable`. `what` names it in messages. Any number is meant: NaN
/// and infinities are masks and bounds.
Result<ImportedTensor> import_tensor(const onnx::TensorProto& tensor, const std::string& what,
                                     const ModelLimits& limits, ExternalFiles& files);

}  // namespace fettle::onnx_import
