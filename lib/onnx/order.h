// SPDX-License-Identifier: Apache-2.0
//
// The order in which a graph's nodes are read. ONNX asks for producers before users; files that do without
// are sorted.
#pragma once

#include <fettle/error.h>

#include <onnx.pb.h>

#include <cstddef>
#include <string>
#include <vector>

namespace fettle::onnx_import {

/// The numbers of a graph's nodes, each behind those whose results it, or a graph inside it, uses; ties by
/// number. That is the file's own order where it will do. Errors: kModelInvalid for a cycle, naming its
/// nodes.
Result<std::vector<int>> node_order(const onnx::GraphProto& graph);

/// What messages call a node: its name, else its first output's, else its operator and number. Valid UTF-8 of
/// at most `most_bytes` bytes before what replaces others.
std::string node_label(const onnx::NodeProto& node, int number, std::size_t most_bytes);

}  // namespace fettle::onnx_import
