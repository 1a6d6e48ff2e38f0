// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/tensor.h"

#include "lib/base/checked.h"
#include "lib/base/memory.h"

#include <algorithm>
#include <cstring>
#include <iterator>
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

// The data types that Fettle does not have, by ONNX's numbers, and what to call their elements. Newer ones
// than the reader of the format knows are among them.
struct ForeignType {
  std::int32_t number;
  const char* name;
  const char* elements;
};
constexpr ForeignType kForeignTypes[] = {{8, "string", "strings"},
                                         {14, "complex64", "complex numbers"},
                                         {15, "complex128", "complex numbers"},
                                         {17, "float8e4m3fn", "8-bit floating-point numbers"},
                                         {18, "float8e4m3fnuz", "8-bit floating-point numbers"},
                                         {19, "float8e5m2", "8-bit floating-point numbers"},
                                         {20, "float8e5m2fnuz", "8-bit floating-point numbers"},
                                         {21, "uint4", "4-bit integers"},
                                         {22, "int4", "4-bit integers"},
                                         {23, "float4e2m1", "4-bit floating-point numbers"},
                                         {24, "float8e8m0", "8-bit exponents"},
                                         {25, "uint2", "2-bit integers"},
                                         {26, "int2", "2-bit integers"}};

const ForeignType* foreign_type(std::int32_t number) {
  const auto found = std::find_if(std::begin(kForeignTypes), std::end(kForeignTypes),
                                  [&](const ForeignType& type) { return type.number == number; });
  return found == std::end(kForeignTypes) ? nullptr : found;
}

std::string unusable_rank(int rank) {
  if (rank <= kMaxRank) return {};
  return "has " + std::to_string(rank) + " dimensions, more than the " + std::to_string(kMaxRank) +
         " that Fettle has";
}

}  // namespace

std::string type_name(std::int32_t onnx_type) {
  if (const ForeignType* foreign = foreign_type(onnx_type)) return foreign->name;
  const DataType known = data_type(onnx_type);
  if (known != DataType::undefined) return std::string(to_string(known));
  return "the unknown data type " + std::to_string(onnx_type);
}

std::string unusable_elements(std::int32_t onnx_type) {
  if (data_type(onnx_type) != DataType::undefined) return {};
  if (onnx_type == TensorProto::UNDEFINED) return "has no data type";
  const ForeignType* foreign = foreign_type(onnx_type);
  if (foreign == nullptr) return "has " + type_name(onnx_type);
  return std::string("holds ") + foreign->elements + " (" + foreign->name +
         "), which Fettle does not compute with";
}

std::string unusable(const TensorProto& tensor) {
  std::string reason = unusable_elements(tensor.data_type());
  return reason.empty() ? unusable_rank(tensor.dims_size()) : reason;
}

std::string unusable(const onnx::TypeProto& type) {
  switch (type.value_case()) {
    case onnx::TypeProto::kTensorType: {
      std::string reason = unusable_elements(type.tensor_type().elem_type());
      return reason.empty() ? unusable_rank(type.tensor_type().shape().dim_size()) : reason;
    }
    case onnx::TypeProto::kSequenceType:
      return "is a sequence, not a tensor";
    case onnx::TypeProto::kMapType:
      return "is a map, not a tensor";
    case onnx::TypeProto::kOptionalType:
      return "is an optional value, not a tensor";
    case onnx::TypeProto::kSparseTensorType:
      return "is a sparse tensor: Fettle computes with dense ones";
    case onnx::TypeProto::VALUE_NOT_SET:
      return "has no type";
  }
  return "has a type that is not ONNX's";
}

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
  if (const std::string reason = unusable(tensor); !reason.empty())
    return Error(ErrorCode::kModelUnsupported, what + " " + reason, "export without it");
  for (std::int64_t extent : tensor.dims()) imported.shape.push_back(extent);
  const std::optional<std::int64_t> elements =
      checked_elements(imported.shape.dims(), limits.tensor_elements);
  const std::optional<std::size_t> bytes = elements ? checked_bytes(*elements, imported.type) : std::nullopt;
  if (!bytes) return malformed(what, "impossible shape " + imported.shape.text());
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    Result<std::shared_ptr<const Constant>> outside =
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
  auto constant = std::make_shared<Constant>();
  constant->bytes = memory->bytes();
  constant->owner = std::move(memory);
  imported.constant = std::move(constant);
  return imported;
}

}  // namespace fettle::onnx_import
