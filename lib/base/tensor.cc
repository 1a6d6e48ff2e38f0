// SPDX-License-Identifier: Apache-2.0
#include "lib/base/guard.h"

#include <fettle/tensor.h>

#include <cstring>

namespace fettle {
namespace {

Status size_error(const TensorInfo& info, std::size_t bytes) {
  return guard_allocation([&]() -> Status {
    return Error(ErrorCode::kWrongSize,
                 info.name + " is " + std::string(to_string(info.type)) + " " + info.shape.text() +
                     " and has " + std::to_string(info.bytes) + " bytes, not " + std::to_string(bytes),
                 "give exactly the tensor's bytes, dense and in its type and layout");
  });
}

}  // namespace

Status TensorView::copy_from(std::span<const std::byte> source) const {
  if (source.size() != info_->bytes) return size_error(*info_, source.size());
  if (!source.empty()) std::memcpy(data_, source.data(), source.size());
  return {};
}

Status TensorView::copy_typed(DataType type, std::span<const std::byte> source) const {
  if (type != info_->type) {
    return guard_allocation([&]() -> Status {
      return Error(ErrorCode::kWrongType,
                   info_->name + " holds " + std::string(to_string(info_->type)) + ", the source " +
                       std::string(to_string(type)),
                   "convert the values first");
    });
  }
  return copy_from(source);
}

Status TensorView::copy_to(std::span<std::byte> target) const {
  if (target.size() != info_->bytes) return size_error(*info_, target.size());
  if (!target.empty()) std::memcpy(target.data(), data_, target.size());
  return {};
}

}  // namespace fettle
