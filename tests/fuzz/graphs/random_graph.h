// SPDX-License-Identifier: Apache-2.0
//
// Valid graphs out of the fuzzer's bytes: operators in any order, and the patterns that passes look for.
#pragma once

#include "lib/graph/graph.h"
#include "tests/fuzz/byte_source.h"

namespace fettle::fuzz {

/// A graph whose every node has been inferred by itself; without outputs when the bytes make none.
graph::Graph random_graph(ByteSource& bytes);

}  // namespace fettle::fuzz
