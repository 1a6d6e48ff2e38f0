// SPDX-License-Identifier: Apache-2.0
//
// Layers as text and back.
#pragma once

#include "tests/common/same_layer.h"

#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <string>

namespace fettle::test {

/// The layer's text reads back as the layer.
inline void check_reads_back(const LayerDesc& layer) {
  const std::string text = layer.text();
  INFO(text);
  const Result<LayerDesc> read = LayerDesc::parse(text);
  INFO((read ? "" : read.error().text()));
  REQUIRE(read);
  CHECK(read->text() == text);
  CHECK(same_layer(*read, layer));
}

/// The same of a layer that some kernel may be asked for: its operators' rules hold as well.
inline void check_valid_reads_back(const LayerDesc& layer) {
  check_reads_back(layer);
  const Status valid = layer.check();
  INFO(layer.text() << "\n" << (valid ? "" : valid.error().text()));
  CHECK(valid);
}

}  // namespace fettle::test
