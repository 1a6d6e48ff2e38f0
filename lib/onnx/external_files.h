// SPDX-License-Identifier: Apache-2.0
//
// Weights that a model keeps in files of their own beside it. ONNX specification, "External Data".
#pragma once

#include "lib/base/mapped_file.h"
#include "lib/graph/graph.h"

#include <fettle/limits.h>

#include <onnx.pb.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace fettle::onnx_import {

/// The files below one folder, mapped when they are first asked for. Nothing outside the folder is opened:
/// not by absolute paths, not by "..", not by symbolic or hard links.
class ExternalFiles {
 public:
  /// `folder` is the model's own; empty for a model that comes from memory, which can have no files beside
  /// it.
  ExternalFiles(std::string folder, const ModelLimits& limits)
      : folder_(std::move(folder)), left_(limits.file_bytes) {}

  /// The `bytes` bytes of a tensor's contents, of elements of `element` bytes. `what` names it in messages.
  /// Errors: kModelUnsupported (the model comes from memory), kModelInvalid (a location outside the folder, a
  /// piece outside the file, a length that is not `bytes`), kFileNotFound, kFileUnreadable (a link, a folder,
  /// a FIFO), kLimitExceeded.
  Result<std::shared_ptr<const Constant>> contents(const onnx::TensorProto& tensor, const std::string& what,
                                                   std::size_t bytes, std::size_t element);

 private:
  Result<std::shared_ptr<const MappedFile>> open(const std::string& location, const std::string& what);

  std::string folder_;
  std::size_t left_;  // of the bytes that all files together may have
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace fettle::onnx_import
