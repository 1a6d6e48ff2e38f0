// SPDX-License-Identifier: Apache-2.0
//
// The weight store: packed weights and constants that programs share. See WeightStore in <fettle/program.h>.
#pragma once

#include <fettle/program.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace fettle {

namespace runtime {

/// Immutable bytes, 64-byte aligned when packed here; constants that kernels use as they are keep their own
/// alignment.
struct WeightBlob {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};
using BlobPtr = std::shared_ptr<const WeightBlob>;

/// What identifies a packed blob: the weights' content, the kernel and its revision, and the layer's text,
/// without the sizes of activations where the kernel packs for any. Two layers with equal keys pack to equal
/// bytes.
std::string blob_key(const Kernel& kernel, const LayerDesc& layer, std::span<const ConstantBytes> constants);
/// What identifies a constant that is used as it is.
std::string constant_key(std::span<const std::byte> bytes);

}  // namespace runtime

/// Holds blobs weakly: a blob dies with the last program that uses it.
struct WeightStoreState {
  static WeightStoreState& of(const WeightStore& store) noexcept { return *store.state_; }

  std::mutex mutex;
  std::unordered_map<std::string, std::weak_ptr<const runtime::WeightBlob>> blobs;

  /// The blob of that key, or null.
  runtime::BlobPtr find(const std::string& key);
  /// Adds a blob and returns it, or the one that another thread has added in the meantime.
  runtime::BlobPtr insert(const std::string& key, runtime::BlobPtr blob);
};

namespace runtime {

/// Packs a layer's weights, or finds them packed. Errors: the kernel's, kOutOfMemory.
Result<BlobPtr> packed_blob(WeightStore& store, const Kernel& kernel, const LayerDesc& layer,
                            std::span<const ConstantBytes> constants);

}  // namespace runtime
}  // namespace fettle
