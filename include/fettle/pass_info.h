// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fettle/op.h>

#include <cstddef>
#include <map>
#include <string_view>

namespace fettle {

/// What one run of a pass over the graph did, for display. `fettle inspect --passes` prints them.
struct PassInfo {
  std::string_view name;  ///< "simplify", "fold_linear", ...: its file in lib/graph/passes; lives for ever
  int round = 0;          ///< all passes run again until none changes anything; counts from 0
  bool changed = false;
  double us = 0;  ///< wall time
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
  /// By how many nodes of an operator there are more (or, negative, fewer). Only operators whose number
  /// changed; a pass may rewrite nodes without changing any.
  std::map<Op, int> operators;
};

}  // namespace fettle
