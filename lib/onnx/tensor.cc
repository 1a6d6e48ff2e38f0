// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/tensor.h"

#include "lib/base/checked.h"
#include "lib/base/memory.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace fettle::onnx_import {
namespace {

using onnx::TensorProto;

Error malformed(const std::string& what, const std::string& problem) {
  return {ErrorCode::kModelMalformed, what + ": " + problem, "the file is damaged; export it again"};
}

// Narrow types are stored one element a 32-bit integer.
template <typename T, typename Field>
bool copy_elements(const Field& field, std::span<std::byte> target) {
  if (static_cast<std::size_t>(field.size()) * sizeof(T) != target.size()) return false;
  for (int i = 0; i < field.size(); ++i) {
    const T value = static_cast<T>(field.Get(i));
    std::memcpy(target.data() + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
  }
  return true;
}

bool copy_typed(const TensorProto& tensor, DataType type, std::span<std::byte> target) {
  switch (type) {
    case DataType::f32:
      return copy_elements<float>(tensor.float_data(), target);
    case DataType::f64:
      return copy_elements<double>(tensor.double_data(), target);
    case DataType::s64:
      return copy_elements<std::int64_t>(tensor.int64_data(), target);
    case DataType::u64:
      return copy_elements<std::uint64_t>(tensor.uint64_data(), target);
    case DataType::u32:
      return copy_elements<std::uint32_t>(tensor.uint64_data(), target);
    case DataType::s32:
      return copy_elements<std::int32_t>(tensor.int32_data(), target);
    case DataType::s16:
      return copy_elements<std::int16_t>(tensor.int32_data(), target);
    case DataType::u16:
    case DataType::f16:
    case DataType::bf16:
      return copy_elements<std::uint16_t>(tensor.int32_data(), target);
    case DataType::s8:
      return copy_elements<std::int8_t>(tensor.int32_data(), target);
    case DataType::u8:
    case DataType::boolean:
      return copy_elements<std::uint8_t>(tensor.int32_data(), target);
    case DataType::undefined:
      return false;
  }
  return false;
}

bool has_nan(const ImportedTensor& tensor) {
  if (tensor.type != DataType::f32) return false;
  for (float value : tensor.constant->values<float>()) {
    if (std::isnan(value)) return true;
  }
  return false;
}

}  // namespace

DataType data_type(std::int32_t onnx_type) noexcept {
  switch (onnx_type) {
    case TensorProto::FLOAT:
      return DataType::f32;
    case TensorProto::FLOAT16:
      return DataType::f16;
    case TensorProto::BFLOAT16:
      return DataType::bf16;
    case TensorProto::DOUBLE:
      return DataType::f64;
    case TensorProto::INT8:
      return DataType::s8;
    case TensorProto::UINT8:
      return DataType::u8;
    case TensorProto::INT16:
      return DataType::s16;
    case TensorProto::UINT16:
      return DataType::u16;
    case TensorProto::INT32:
      return DataType::s32;
    case TensorProto::UINT32:
      return DataType::u32;
    case TensorProto::INT64:
      return DataType::s64;
    case TensorProto::UINT64:
      return DataType::u64;
    case TensorProto::BOOL:
      return DataType::boolean;
    default:
      return DataType::undefined;
  }
}

DataType data_type(const std::string& onnx_name) noexcept {
  constexpr std::pair<std::string_view, DataType> kNames[] = {
      {"FLOAT", DataType::f32},   {"FLOAT16", DataType::f16}, {"BFLOAT16", DataType::bf16},
      {"DOUBLE", DataType::f64},  {"INT8", DataType::s8},     {"UINT8", DataType::u8},
      {"INT16", DataType::s16},   {"UINT16", DataType::u16},  {"INT32", DataType::s32},
      {"UINT32", DataType::u32},  {"INT64", DataType::s64},   {"UINT64", DataType::u64},
      {"BOOL", DataType::boolean}};
  for (const auto& [name, type] : kNames) {
    if (name == onnx_name) return type;
  }
  return DataType::undefined;
}

Result<ImportedTensor> import_tensor(const TensorProto& tensor, const std::string& what,
                                     const ModelLimits& limits, ExternalFiles& files) {
  ImportedTensor imported;
  imported.type = data_type(tensor.data_type());
  if (imported.type == DataType::undefined)
    return malformed(what, "unknown data type " + std::to_string(tensor.data_type()));
  if (tensor.dims_size() > kMaxRank) return malformed(what, "more than 8 dimensions");
  for (std::int64_t extent : tensor.dims()) imported.shape.push_back(extent);
  const std::optional<std::int64_t> elements =
      checked_elements(imported.shape.dims(), limits.tensor_elements);
  const std::optional<std::size_t> bytes = elements ? checked_bytes(*elements, imported.type) : std::nullopt;
  if (!bytes) return malformed(what, "impossible shape " + imported.shape.text());
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    Result<std::shared_ptr<const graph::Constant>> outside =
        files.contents(tensor, what, *bytes, size_of(imported.type));
    if (!outside) return std::move(outside).error();
    imported.constant = *std::move(outside);
    return imported;
  }
  // What the file holds bounds what is allocated.
  if (tensor.has_raw_data() && tensor.raw_data().size() != *bytes) {
    return malformed(what, "holds " + std::to_string(tensor.raw_data().size()) + " bytes, its shape " +
                               imported.shape.text() + " needs " + std::to_string(*bytes));
  }
  if (!tensor.has_raw_data() && *bytes > tensor.ByteSizeLong() * 8)
    return malformed(what, "holds fewer elements than its shape " + imported.shape.text() + " says");
  Result<AlignedBuffer> buffer = AlignedBuffer::allocate(*bytes);
  if (!buffer) return std::move(buffer).error();
  auto memory = std::make_shared<AlignedBuffer>(*std::move(buffer));
  if (tensor.has_raw_data()) {
    if (*bytes > 0) std::memcpy(memory->bytes().data(), tensor.raw_data().data(), *bytes);
  } else if (!copy_typed(tensor, imported.type, memory->bytes())) {
    return malformed(what, "the number of elements is not that of its shape " + imported.shape.text());
  }
  auto constant = std::make_shared<graph::Constant>();
  constant->bytes = memory->bytes();
  constant->owner = std::move(memory);
  imported.constant = std::move(constant);
  return imported;
}

Result<ImportedTensor> import_weights(const TensorProto& tensor, const std::string& what,
                                      const ModelLimits& limits, ExternalFiles& files) {
  Result<ImportedTensor> imported = import_tensor(tensor, what, limits, files);
  if (imported && has_nan(*imported))
    return Error(ErrorCode::kModelInvalid, what + " holds NaN", "the training diverged or the export failed");
  return imported;
}

}  // namespace fettle::onnx_import
