// SPDX-License-Identifier: Apache-2.0
//
// ONNX tensors (initialisers, constants) to constants.
#pragma once

#include "lib/graph/graph.h"
#include "lib/onnx/external_files.h"

#include <fettle/model.h>

#include <onnx.pb.h>

namespace fettle::onnx_import {

/// The data type that ONNX's number stands for; `undefined` for those that Fettle does not have.
DataType data_type(std::int32_t onnx_type) noexcept;

/// The same for the names that the first opsets used: "FLOAT", "INT64".
DataType data_type(const std::string& onnx_name) noexcept;

struct ImportedTensor {
  DataType type = DataType::undefined;
  Shape shape;
  std::shared_ptr<const graph::Constant> constant;
};

/// Checks and copies a tensor. `what` names it in messages.
Result<ImportedTensor> import_tensor(const onnx::TensorProto& tensor, const std::string& what,
                                     const ModelLimits& limits, ExternalFiles& files);

/// The same for what a network computes with, where NaN cannot be meant.
Result<ImportedTensor> import_weights(const onnx::TensorProto& tensor, const std::string& what,
                                      const ModelLimits& limits, ExternalFiles& files);

}  // namespace fettle::onnx_import
