// SPDX-License-Identifier: Apache-2.0
//
// Bytes as the text of a layer: what reads as one is written and read without a change, and then obeys its
// operators' rules or does not.
#include "tests/common/same_layer.h"
#include "tests/fuzz/target.h"

#include <fettle/kernel.h>

namespace fettle::fuzz {
namespace {

void try_text(std::string_view text) {
  const Result<LayerDesc> layer = LayerDesc::parse(text);
  if (!layer) {
    require(!layer.error().message().empty(), "an error without a message");
    require(layer.error().code() != ErrorCode::kInternal, layer.error().message());
    return;
  }
  const std::string written = layer->text();
  const Result<LayerDesc> again = LayerDesc::parse(written);
  require_ok(again, "a written layer cannot be read");
  require(test::same_layer(*layer, *again), "a layer changes when it is written and read: " + written);
  require(again->text() == written, "a layer's text changes when it is read and written");
  const Status valid = layer->check();
  require(static_cast<bool>(valid) == static_cast<bool>(again->check()),
          "the same layer is valid and is not");
  if (valid) require(layer->macs() >= 0, "a layer has a negative number of multiply-accumulates");
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fettle::fuzz::try_text({reinterpret_cast<const char*>(data), size});
  return 0;
}
