// SPDX-License-Identifier: Apache-2.0
//
// Variants and signatures as text, and keys of layers that take the same time.
#include "tests/common/check.h"

#include <fettle/layer.h>
#include <fettle/variant.h>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

namespace fettle::test {
namespace {

constexpr FormatTag kPlanes{Layout::nchw, DataType::f32};
constexpr FormatTag kPixels{Layout::nhwc, DataType::s8};

void check_signature(const Signature& signature, std::string_view text) {
  CHECK(signature.text() == text);
  CHECK(value_of(Signature::parse(text)) == signature);
}

Variant sample() {
  Variant variant;
  variant.kernel = "conv.tile.f32.avx2";
  variant.revision = 4294967295u;
  variant.signature = {Layout::nchw, Layout::nhwc, DataType::f32};
  return variant;
}

void check_variant(const Variant& variant, std::string_view text) {
  CHECK(variant.text() == text);
  CHECK(value_of(Variant::parse(text)) == variant);
}

}  // namespace

TEST_CASE("signatures read back from their text", "[base]") {
  check_signature({Layout::nhwc, Layout::nhwc, DataType::f32}, "nhwc f32");
  check_signature({kPlanes, kPixels, DataType::f32}, "nchw f32>nhwc s8");
  check_signature({Layout::nhwc, Layout::nchw, DataType::bf16}, "nhwc bf16>nchw bf16");
  check_signature({kPlanes, kPlanes, DataType::s8}, "nchw f32 w:s8");
  check_signature({kPlanes, kPixels, DataType::s8}, "nchw f32>nhwc s8 w:s8");
  check_signature({Layout::nchwc, Layout::nchw}, "nchwc>nchw");
}

TEST_CASE("what is no signature is refused with what one looks like", "[base][bad]") {
  for (const char* text : {"", " ", "f32", "nhwc ", "nhwc  f32", "NHWC f32", "nhwc f33", "nhwc undefined",
                           "nhwc f32>", ">nhwc f32", "nhwc f32>nchw f32>nhwc f32", "nhwc f32 w:",
                           "nhwc f32 w:f99", "nhwc f32 w:s8 ", "nhwc f32 w:s8 w:s8", "nhwc f32, nchw f32"}) {
    INFO(text);
    const Error error = error_of(Signature::parse(text), ErrorCode::kInvalidArgument, "no list of formats");
    CHECK(error.hint().find("nhwc f32") != std::string::npos);
  }
}

TEST_CASE("variants read back from their text", "[base]") {
  Variant variant = sample();
  check_variant(variant, "conv.tile.f32.avx2, revision 4294967295, nchw f32>nhwc f32");
  variant.parameters = {{"depth", -9}, {"tile", 8}};
  check_variant(variant, "conv.tile.f32.avx2, revision 4294967295, nchw f32>nhwc f32, depth=-9, tile=8");
  variant.threads = 256;
  variant.covers = {"relu", "an \"odd\" \\ id,\n", ""};
  check_variant(variant,
                "conv.tile.f32.avx2, revision 4294967295, nchw f32>nhwc f32, depth=-9, tile=8, threads 256, "
                "covers \"relu\" \"an \\\"odd\\\" \\\\ id,\\x0a\" \"\"");
}

TEST_CASE("what is no variant is refused with the place", "[base][bad]") {
  const std::string good = "k, revision 1, nchw f32";
  CHECK(Variant::parse(good));
  const auto refused = [](const std::string& text, std::string_view mention) {
    INFO(text);
    error_of(Variant::parse(text), ErrorCode::kInvalidArgument, mention);
  };
  refused("", "name of a kernel");
  refused("k", "revision N");
  refused("k, revision -1, nchw f32", "revision N");
  refused("k, revision 1x, nchw f32", "revision N");
  refused("k, revision 1", "no list of formats");
  refused(good + ", tile", "name=number");
  refused(good + ", tile=", "name=number");
  refused(good + ", Tile=1", "name=number");
  refused(good + ", b=1, a=1", "sorted");
  refused(good + ", a=1, a=1", "sorted");
  refused(good + ", threads 0", "1 to 256");
  refused(good + ", threads 257", "1 to 256");
  refused(good + ", threads 2, tile=1", "covers");
  refused(good + ", covers", "name=number");
  refused(good + ", covers ", "in quotes");
  refused(good + ", covers a", "in quotes");
  refused(good + ", covers \"a", "in quotes");
  refused(good + ", covers \"a\\\"", "in quotes");
  refused(good + ", covers \"a\\x0\"", "in quotes");
  refused(good + ", covers \"a\"\"b\"", "a space");
  refused(good + ", covers \"a\" ", "in quotes");
}

TEST_CASE("layers that differ in numbers that cost no time have one key", "[base]") {
  const auto key = [](std::string_view text) { return value_of(LayerDesc::parse(text)).cost_key(); };
  const std::string_view quantised =
      "clamp max=6.0 min=0.0 : u8 nchw scale=0.5 zero=3 1x2x4x4 -> u8 nchw scale=0.25 zero=0 1x2x4x4";
  CHECK(
      key(quantised) ==
      key("clamp max=4.0 min=-1.0 : u8 nchw scale=0.1 zero=9 1x2x4x4 -> u8 nchw scale=7.0 zero=255 1x2x4x4"));
  CHECK(key(quantised) != key("clamp max=6.0 min=0.0 : u8 nchw 1x2x4x4 -> u8 nchw 1x2x4x4"));
  CHECK(value_of(LayerDesc::parse(key(quantised))).cost_key() == key(quantised));

  const auto with_clamp = [&](const std::string& clamp) {
    return key("add" + clamp + " : f32 4, f32 4 -> f32 4");
  };
  CHECK(with_clamp(" clamp=0,6") == with_clamp(" clamp=-1,1e+20"));
  CHECK(with_clamp(" clamp=0,inf") == with_clamp(" clamp=0.5,inf"));
  CHECK(with_clamp(" clamp=0,6") != with_clamp(" clamp=0,inf"));
  CHECK(with_clamp(" clamp=0,6") != with_clamp(""));

  CHECK(key("softmax axis=1 : f32 2x4 -> f32 2x4") != key("softmax axis=0 : f32 2x4 -> f32 2x4"));
  CHECK(key("leaky_relu alpha=0.1 : f32 4 -> f32 4") == key("leaky_relu alpha=0.2 : f32 4 -> f32 4"));
  CHECK(key("leaky_relu alpha=0.1 : f32 4 -> f32 4") != key("leaky_relu alpha=0.1 : f32 5 -> f32 5"));
}

}  // namespace fettle::test
