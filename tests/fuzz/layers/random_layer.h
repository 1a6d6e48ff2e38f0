// SPDX-License-Identifier: Apache-2.0
//
// Layers out of the fuzzer's bytes, as the compiler would make them.
#pragma once

#include "tests/fuzz/byte_source.h"
#include "tests/kernels/layers.h"

#include <optional>

namespace fettle::fuzz {

/// A small layer of any operator, with its numbers; nothing when the bytes describe none that is valid.
std::optional<test::TestLayer> random_layer(ByteSource& bytes);

}  // namespace fettle::fuzz
