// SPDX-License-Identifier: Apache-2.0
//
// A graph after passes as the bytes of an ONNX file.
#pragma once

#include "lib/graph/graph.h"

#include <fettle/error.h>

#include <span>
#include <string>

namespace fettle::onnx_export {

/// Writes the graph, whose outputs have these names in the file. Errors: see Model::onnx.
Result<std::string> write(const graph::Graph& graph, std::span<const std::string> outputs);

}  // namespace fettle::onnx_export
