// SPDX-License-Identifier: Apache-2.0
//
// From ONNX bytes to a graph. The only folder that sees protobuf.
#pragma once

#include "lib/graph/imported.h"

#include <fettle/model.h>

#include <cstddef>
#include <span>
#include <string>

namespace fettle::onnx_import {

/// Parses a model of any opset. `bytes` are copied where they are kept. Every size, count and name is
/// checked: the bytes are untrusted. Inputs in `options.constants` become constants; shapes are left to the
/// caller, as is what to do about nodes that cannot be run. Errors: kModelMalformed (not ONNX, damaged),
/// kModelInvalid (names that lead nowhere, cycles), kModelUnsupported (what concerns more than one
/// node), kLimitExceeded, kWrongShape and kUnknownName (of constants).
///
/// Weights in files of their own are looked for below `folder`, the model's own; empty: there are none.
/// Errors of theirs: see ExternalFiles.
Result<graph::Imported> read(std::span<const std::byte> bytes, const std::string& name,
                             const std::string& folder, const ModelOptions& options);

}  // namespace fettle::onnx_import
