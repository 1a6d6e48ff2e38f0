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
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
    case DataType::f8e8m0:
    case DataType::f4e2m1:
    case DataType::s4:
    case DataType::u4:
    case DataType::s2:
    case DataType::u2:
      return copy_elements<std::uint8_t>(tensor.int32_data(), target);
    case DataType::undefined:
      return false;
  }
  return false;
}

// ONNX's number of a data type and what Fettle has for it: its own type, or what to say of the elements.
// Newer numbers than the reader of the format knows are among them.
struct KnownType {
  std::int32_t number;
  const char* name;
  DataType type;
  const char* foreign_elements = nullptr;
};
constexpr KnownType kKnownTypes[] = {
    {TensorProto::FLOAT, "float", DataType::f32},
    {TensorProto::UINT8, "uint8", DataType::u8},
    {TensorProto::INT8, "int8", DataType::s8},
    {TensorProto::UINT16, "uint16", DataType::u16},
    {TensorProto::INT16, "int16", DataType::s16},
    {TensorProto::INT32, "int32", DataType::s32},
    {TensorProto::INT64, "int64", DataType::s64},
    {TensorProto::STRING, "string", DataType::undefined, "strings"},
    {TensorProto::BOOL, "bool", DataType::boolean},
    {TensorProto::FLOAT16, "float16", DataType::f16},
    {TensorProto::DOUBLE, "double", DataType::f64},
    {TensorProto::UINT32, "uint32", DataType::u32},
    {TensorProto::UINT64, "uint64", DataType::u64},
    {TensorProto::COMPLEX64, "complex64", DataType::undefined, "complex numbers"},
    {TensorProto::COMPLEX128, "complex128", DataType::undefined, "complex numbers"},
    {TensorProto::BFLOAT16, "bfloat16", DataType::bf16},
    {17, "float8e4m3fn", DataType::f8e4m3fn},
    {18, "float8e4m3fnuz", DataType::f8e4m3fnuz},
    {19, "float8e5m2", DataType::f8e5m2},
    {20, "float8e5m2fnuz", DataType::f8e5m2fnuz},
    {21, "uint4", DataType::u4},
    {22, "int4", DataType::s4},
    {23, "float4e2m1", DataType::f4e2m1},
    {24, "float8e8m0", DataType::f8e8m0},
    {25, "uint2", DataType::u2},
    {26, "int2", DataType::s2}};

const KnownType* known_type(std::int32_t number) {
  const auto found = std::find_if(std::begin(kKnownTypes), std::end(kKnownTypes),
                                  [&](const KnownType& type) { return type.number == number; });
  return found == std::end(kKnownTypes) ? nullptr : found;
}

// An element a byte, from several, the first in the lowest bits.
void unpack(DataType type, std::span<const std::byte> packed, std::span<std::byte> target) {
  const std::size_t count = elements_a_byte(type);
  const std::size_t bits = 8 / count;
  const bool is_signed = type == DataType::s4 || type == DataType::s2;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(packed[i / count]);
    const auto top = static_cast<std::uint8_t>(byte << (8 - bits - i % count * bits));
    target[i] = is_signed ? static_cast<std::byte>(static_cast<std::int8_t>(top) >> (8 - bits))
                          : static_cast<std::byte>(top >> (8 - bits));
  }
}

Result<std::shared_ptr<AlignedBuffer>> new_buffer(std::size_t bytes) {
  Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes);
  if (!buffer) return std::move(buffer).error();
  return std::make_shared<AlignedBuffer>(*std::move(buffer));
}

std::shared_ptr<const Constant> constant_of(std::shared_ptr<AlignedBuffer> buffer) {
  auto constant = std::make_shared<Constant>();
  constant->bytes = buffer->bytes();
  constant->owner = std::move(buffer);
  return constant;
}

Result<std::shared_ptr<const Constant>> unpacked(DataType type, const Constant& packed, std::size_t bytes) {
  Result<std::shared_ptr<AlignedBuffer>> buffer = new_buffer(bytes);
  if (!buffer) return std::move(buffer).error();
  unpack(type, packed.bytes, (*buffer)->bytes());
  return constant_of(*std::move(buffer));
}

// The `stored` bytes of a tensor whose contents lie in the model's file. What the file holds bounds what is
// allocated.
Result<std::shared_ptr<const Constant>> contents_inside(const TensorProto& tensor, const std::string& what,
                                                        const ImportedTensor& imported, std::size_t stored) {
  if (tensor.has_raw_data() && tensor.raw_data().size() != stored) {
    return malformed(what, "holds " + std::to_string(tensor.raw_data().size()) + " bytes, its shape " +
                               imported.shape.text() + " needs " + std::to_string(stored));
  }
  if (!tensor.has_raw_data() && stored > tensor.ByteSizeLong() * 8)
    return malformed(what, "holds fewer elements than its shape " + imported.shape.text() + " says");
  Result<std::shared_ptr<AlignedBuffer>> buffer = new_buffer(stored);
  if (!buffer) return std::move(buffer).error();
  const std::span<std::byte> target = (*buffer)->bytes();
  if (tensor.has_raw_data()) {
    if (stored > 0) std::memcpy(target.data(), tensor.raw_data().data(), stored);
  } else if (!copy_typed(tensor, imported.type, target)) {
    return malformed(what, "the number of elements is not that of its shape " + imported.shape.text());
  }
  return constant_of(*std::move(buffer));
}

std::string unusable_rank(int rank) {
  if (rank <= kMaxRank) return {};
  return "has " + std::to_string(rank) + " dimensions, more than the " + std::to_string(kMaxRank) +
         " that Fettle has";
}

}  // namespace

std::string type_name(std::int32_t onnx_type) {
  if (const KnownType* known = known_type(onnx_type))
    return known->type == DataType::undefined ? known->name : std::string(to_string(known->type));
  return "the unknown data type " + std::to_string(onnx_type);
}

std::string unusable_elements(std::int32_t onnx_type) {
  if (data_type(onnx_type) != DataType::undefined) return {};
  if (onnx_type == TensorProto::UNDEFINED) return "has no data type";
  const KnownType* known = known_type(onnx_type);
  if (known == nullptr) return "has " + type_name(onnx_type);
  return std::string("holds ") + known->foreign_elements + " (" + known->name +
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
  const KnownType* known = known_type(onnx_type);
  return known == nullptr ? DataType::undefined : known->type;
}

DataType data_type(const std::string& onnx_name) noexcept {
  for (const KnownType& known : kKnownTypes) {
    const bool same =
        std::equal(onnx_name.begin(), onnx_name.end(), known.name,
                   known.name + std::char_traits<char>::length(known.name), [](char given, char name) {
                     return given == (name >= 'a' && name <= 'z' ? name - 'a' + 'A' : name);
                   });
    if (same) return known.type;
  }
  return DataType::undefined;
}

std::int32_t onnx_type(DataType type) noexcept {
  const auto found = std::find_if(std::begin(kKnownTypes), std::end(kKnownTypes),
                                  [&](const KnownType& known) { return known.type == type; });
  return type == DataType::undefined || found == std::end(kKnownTypes) ? TensorProto::UNDEFINED
                                                                       : found->number;
}

std::size_t elements_a_byte(DataType type) noexcept {
  switch (type) {
    case DataType::s4:
    case DataType::u4:
    case DataType::f4e2m1:
      return 2;
    case DataType::s2:
    case DataType::u2:
      return 4;
    default:
      return 1;
  }
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
  // As many bytes as the file has, and, where it packs several elements into one, those that they take here.
  const std::size_t packed = elements_a_byte(imported.type);
  const std::size_t stored = (*bytes + packed - 1) / packed;
  Result<std::shared_ptr<const Constant>> contents =
      tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0
          ? files.contents(tensor, what, stored, size_of(imported.type))
          : contents_inside(tensor, what, imported, stored);
  if (contents && packed > 1) contents = unpacked(imported.type, **contents, *bytes);
  if (!contents) return std::move(contents).error();
  imported.constant = *std::move(contents);
  return imported;
}

}  // namespace fettle::onnx_import
