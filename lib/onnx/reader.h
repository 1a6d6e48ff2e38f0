// SPDX-License-Identifier: Apache-2.0
//
// From ONNX bytes to a graph. The only folder that sees protobuf.
#pragma once

#include "lib/graph/graph.h"

#include <fettle/model.h>

#include <cstddef>
#include <span>
#include <string>

namespace fettle::onnx_import {

/// Parses a model of opset 1 to 17. `bytes` are copied where they are kept. Every size, count and name is
/// checked: the bytes are untrusted. Inputs named in `options.shapes` get those shapes. Errors:
/// kModelMalformed (not ONNX, damaged), kModelInvalid (names that lead nowhere, NaN weights),
/// kModelUnsupported (listing every node that cannot be imported), kLimitExceeded, kWrongShape (an input
/// whose shape is free or contradicts the options), kUnknownName (a shape for an input that is not there).
///
/// Weights in files of their own are looked for below `folder`, the model's own; empty: there are none.
/// Errors of theirs: see ExternalFiles.
Result<graph::Graph> read(std::span<const std::byte> bytes, const std::string& name,
                          const std::string& folder, const ModelOptions& options);

}  // namespace fettle::onnx_import
