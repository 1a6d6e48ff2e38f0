// SPDX-License-Identifier: Apache-2.0
//
// Constants to ONNX tensors, and attributes to those of ONNX nodes.
#pragma once

#include <fettle/op.h>
#include <fettle/types.h>

#include <onnx.pb.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fettle::onnx_export {

/// Fills a tensor with dense elements, an element of less than 8 bits a byte of its own in `bytes`.
void write_tensor(const std::string& name, DataType type, const Shape& shape,
                  std::span<const std::byte> bytes, onnx::TensorProto& tensor);

void add_attribute(onnx::NodeProto& node, std::string_view name, const AttributeValue& value);

}  // namespace fettle::onnx_export
