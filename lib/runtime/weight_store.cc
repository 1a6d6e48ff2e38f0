// SPDX-License-Identifier: Apache-2.0
#include "lib/runtime/weight_store.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"

#include <utility>

namespace fettle {

WeightStore::WeightStore() : state_(std::make_unique<WeightStoreState>()) {}
WeightStore::~WeightStore() = default;

std::size_t WeightStore::bytes() const noexcept {
  const std::scoped_lock lock(state_->mutex);
  std::size_t total = 0;
  for (const auto& [key, blob] : state_->blobs) {
    if (const auto alive = blob.lock()) total += alive->bytes.size();
  }
  return total;
}

runtime::BlobPtr WeightStoreState::find(const std::string& key) {
  const std::scoped_lock lock(mutex);
  const auto entry = blobs.find(key);
  return entry == blobs.end() ? nullptr : entry->second.lock();
}

runtime::BlobPtr WeightStoreState::insert(const std::string& key, runtime::BlobPtr blob) {
  const std::scoped_lock lock(mutex);
  std::weak_ptr<const runtime::WeightBlob>& slot = blobs[key];
  if (runtime::BlobPtr other = slot.lock()) return other;
  slot = blob;
  return blob;
}

namespace runtime {

std::string constant_key(std::span<const std::byte> bytes) { return "constant " + hash_text(bytes); }

namespace {

// The layer as packing sees it where the sizes of activations do not matter: with extents of 1.
LayerDesc without_sizes(LayerDesc layer) {
  for (std::vector<TensorDesc>* tensors : {&layer.inputs, &layer.outputs, &layer.inner}) {
    for (TensorDesc& tensor : *tensors) {
      if (tensor.constant) continue;
      for (int axis = 0; axis < tensor.shape.rank(); ++axis) tensor.shape[axis] = 1;
      tensor.strides = dense_strides(tensor.shape, tensor.format);
    }
  }
  return layer;
}

}  // namespace

std::string blob_key(const Kernel& kernel, const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  std::string key;
  key.append(kernel.name)
      .append("@")
      .append(std::to_string(kernel.revision))
      .append(" ")
      .append(kernel.packed_for_any_size ? without_sizes(layer).text() : layer.text());
  for (const ConstantBytes& bytes : constants) {
    key.append(" ").append(bytes.empty() ? std::string("-") : hash_text(bytes));
  }
  return key;
}

Result<BlobPtr> packed_blob(WeightStore& store, const Kernel& kernel, const LayerDesc& layer,
                            std::span<const ConstantBytes> constants) {
  const std::string key = blob_key(kernel, layer, constants);
  if (BlobPtr found = WeightStoreState::of(store).find(key)) return found;
  const Result<std::size_t> bytes = kernel.packed_bytes(layer, constants);
  if (!bytes) return bytes.error();
  Result<AlignedBuffer> buffer = AlignedBuffer::allocate(*bytes);
  if (!buffer) return std::move(buffer).error();
  auto memory = std::make_shared<AlignedBuffer>(*std::move(buffer));
  if (Status status = kernel.pack(layer, constants, memory->bytes()); !status)
    return std::move(status).error();
  auto blob = std::make_shared<WeightBlob>();
  blob->bytes = memory->bytes();
  blob->owner = std::move(memory);
  return WeightStoreState::of(store).insert(key, std::move(blob));
}

}  // namespace runtime
}  // namespace fettle
