// SPDX-License-Identifier: Apache-2.0
//
// Layers as text: what texts look like, that they keep everything, and what is said of texts that are none.
#include "tests/common/check.h"
#include "tests/common/read_back.h"

#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::test {
namespace {

using Numbers = std::vector<std::int64_t>;
using Reals = std::vector<float>;

// relu of one tensor with these attributes.
LayerDesc with_attributes(Attributes attributes) {
  LayerDesc layer = value_of(LayerDesc::parse("relu : f32 2 -> f32 2"));
  layer.parts[0].attributes = std::move(attributes);
  return layer;
}

void check_attribute(AttributeValue value, std::string_view text) {
  Attributes attributes;
  attributes.set("a", std::move(value));
  CHECK(attributes.text() == "a=" + std::string(text));
  check_reads_back(with_attributes(std::move(attributes)));
}

// The layer that the text stands for, which has this text.
LayerDesc same_text(std::string_view text) {
  LayerDesc layer = value_of(LayerDesc::parse(text));
  CHECK(layer.text() == text);
  check_reads_back(layer);
  return layer;
}

}  // namespace

TEST_CASE("attributes keep their types and values in a layer's text", "[base]") {
  check_attribute(std::int64_t{1}, "1");
  check_attribute(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
  check_attribute(1.0f, "1.0");
  check_attribute(-0.0f, "-0.0");
  check_attribute(0.1f, "0.1");
  check_attribute(1e20f, "1e+20");
  check_attribute(16777216.0f, "16777216.0");
  check_attribute(std::numeric_limits<float>::denorm_min(), "1e-45");
  check_attribute(std::numeric_limits<float>::max(), "3.4028235e+38");
  check_attribute(-std::numeric_limits<float>::infinity(), "-inf");
  check_attribute(std::bit_cast<float>(0x7fc00000u), "nan");
  check_attribute(std::bit_cast<float>(0xffc00001u), "nan(ffc00001)");
  check_attribute(Numbers{}, "[]");
  check_attribute(Numbers{3}, "[3]");
  check_attribute(Numbers{1, -2}, "[1,-2]");
  check_attribute(Reals{}, "[.]");
  check_attribute(Reals{1, 0.5f, std::bit_cast<float>(0xffc00000u)}, "[1.0,0.5,nan(ffc00000)]");
  check_attribute(std::string("linear"), "linear");
  check_attribute(std::string("1"), "\"1\"");
  check_attribute(std::string("inf"), "\"inf\"");
  check_attribute(std::string(), "\"\"");
  check_attribute(std::string("Tanh,Relu"), "\"Tanh,Relu\"");
  check_attribute(std::string("a\"\\\n\xff\0b", 7), R"("a\"\\\x0a\xff\x00b")");
}

TEST_CASE("names of attributes cannot be taken for something else", "[base]") {
  Attributes attributes;
  for (const char* name : {"clamp", "a=b", "", " : ", "-", "1", "\x80"})
    attributes.set(name, std::int64_t{1});
  check_reads_back(with_attributes(attributes));
  const std::string text = with_attributes(attributes).text();
  CHECK(text == R"(relu ""=1 " : "=1 "-"=1 "1"=1 "a=b"=1 "clamp"=1 "\x80"=1 : f32 2 -> f32 2)");
}

TEST_CASE("a layer's text shows all of it", "[base]") {
  const LayerDesc conv = same_text(
      "conv group=1 pads=[0,0,0,0] clamp=0,inf (0 1 -) : u8 nhwc scale=0.5 zero=128 1x3x8x8, u8 const "
      "scale=1 "
      "zero=-3 16x3x1x1 -> u8 nchwc 8 scale=0.25 zero=0 1x16x8x8 strides=2048,1024,64,8");
  CHECK(conv.main().op == Op::conv);
  CHECK(conv.main().clamp == Clamp{0, std::numeric_limits<float>::infinity()});
  CHECK(conv.main().operands == std::vector<int>{0, 1, kNoOperand});
  CHECK(conv.inputs[0].format == Format{Layout::nhwc, DataType::u8, 0, 0.5f, 128});
  CHECK(conv.inputs[1].constant);
  CHECK(conv.inputs[1].format.zero_point == -3);
  CHECK(conv.outputs[0].format.block == 8);
  CHECK(conv.outputs[0].strides[0] == 2048);
  CHECK_FALSE(conv.outputs[0].dense());

  const LayerDesc region = same_text(
      "relu (0) + add (r0 1) + abs (r1) : f32 nchw 1x2x3, f32 scalar -> f32 nhwc 1x2x3 via f32 nchw 1x2x3, "
      "f32 "
      "nchw 1x2x3");
  CHECK(region.parts[1].operands == std::vector<int>{result_of_part(0), 1});
  CHECK(region.inner.size() == 2);
  CHECK(region.part(1).text() == "add : f32 nchw 1x2x3, f32 scalar -> f32 nchw 1x2x3");
  CHECK(region.part(2).text() == "abs : f32 nchw 1x2x3 -> f32 nhwc 1x2x3");

  const LayerDesc twice = same_text("mul (0 0) : f32 4 -> f32 4");
  CHECK(twice.part(0).inputs.size() == 2);
  same_text("eye_like : -> f32 0x4, boolean scalar");
  // Strides are shown where they say something: extents of 1 have no neighbours.
  LayerDesc one = same_text("abs : f32 1x4 -> f32 1x4");
  one.inputs[0].strides[0] = 77;
  check_reads_back(one);
}

TEST_CASE("more than one spelling reads as the same layer", "[base]") {
  const auto reads_as = [](std::string_view text, std::string_view canonical) {
    INFO(text);
    CHECK(value_of(LayerDesc::parse(text)).text() == canonical);
  };
  reads_as("abs b=1.50 a=007 clamp=0.0,6e0 (0) : f32 nchw 2 strides=1 -> f32 02",
           "abs a=7 b=1.5 clamp=0,6 : f32 2 -> f32 2");
}

TEST_CASE("texts that are no layers are refused where they go wrong", "[base]") {
  struct Case {
    std::string_view text;
    std::string_view message;
  };
  constexpr Case kCases[] = {
      {"", "column 1: expected an operator, found the end"},
      {"cnv : f32 2 -> f32 2", "column 1: expected an operator, found \"cnv\""},
      {" abs : f32 2 -> f32 2", "column 1: expected an operator, found \" abs\""},
      {"Abs : f32 2 -> f32 2", "column 1: expected an operator, found \"Abs\""},
      {"abs", "column 4: expected \" :\", found the end"},
      {"abs: f32 2 -> f32 2", "column 4: expected \" :\", found \":\""},
      {"abs  : f32 2 -> f32 2", "column 5: expected an attribute, found \" :\""},
      {"abs a : f32 2 -> f32 2", "column 6: expected \"=\", found \" :\""},
      {"abs a= : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=1 a=2 : f32 2 -> f32 2", "column 9: expected each attribute once, found \"a=2\""},
      {"abs =1 : f32 2 -> f32 2", "column 5: expected an attribute, found \"=1\""},
      {"abs a=9223372036854775808 : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=1e39 : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=1e : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=.5 : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=0x10 : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=-nan : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=-infinity : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=nan(7f800000) : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=nan(7fc0 : f32 2 -> f32 2", "column 7: expected a value"},
      {"abs a=[1 : f32 2 -> f32 2", "column 9: expected \"]\", found \" :\""},
      {"abs a=[1,] : f32 2 -> f32 2", "column 10: expected a value"},
      {"abs a=[1,2.0] : f32 2 -> f32 2", "column 10: expected integers alone or floats alone in a list"},
      {"abs a=[b] : f32 2 -> f32 2", "column 8: expected a value"},
      {"abs a=\"b : f32 2 -> f32 2", "column 26: expected printable ASCII and a closing quote"},
      {"abs a=\"\x01\" : f32 2 -> f32 2",
       "column 8: expected printable ASCII and a closing quote, found \"?"},
      {"abs a=\"\\n\" : f32 2 -> f32 2", "column 8: expected \\\", \\\\ or \\x and two hex digits"},
      {"abs a=\"\\x1\" : f32 2 -> f32 2", "column 8: expected \\\", \\\\ or \\x and two hex digits"},
      {"abs a=\"\\x1", "column 8: expected \\\", \\\\ or \\x and two hex digits"},
      {"abs clamp=0 : f32 2 -> f32 2", "column 12: expected \",\", found \" :\""},
      {"abs clamp=,1 : f32 2 -> f32 2", "column 11: expected the lower bound"},
      {"abs clamp=0,x : f32 2 -> f32 2", "column 13: expected the upper bound"},
      {"abs clamp=0,1 a=1 : f32 2 -> f32 2", "column 14: expected \" :\", found \" a=1\""},
      {"abs (0 : f32 2 -> f32 2",
       "column 8: expected an operand: a number, r and a number, or -, found \":\""},
      {"abs (0,0) : f32 2 -> f32 2", "column 7: expected \" \", found \",0)\""},
      {"abs (1) : f32 2 -> f32 2", "column 5: expected operands that are inputs or results of earlier parts"},
      {"abs (r0) : f32 2 -> f32 2", "column 5: expected operands that are inputs or results"},
      {"abs (99999999) : f32 2 -> f32 2", "column 6: expected an operand"},
      {"abs (r-2) : f32 2 -> f32 2", "column 7: expected the number of an earlier part"},
      {"abs + relu : f32 2 -> f32 2 via f32 2", "column 4: expected the operands of the part, such as (0 1)"},
      {"abs (0) + relu : f32 2 -> f32 2 via f32 2", "column 15: expected the operands of the part"},
      {"abs (0) +relu (r0) : f32 2 -> f32 2 via f32 2", "column 8: expected \" :\", found \" +relu\""},
      {"abs (0) + relu (r0) : f32 2 -> f32 2",
       "column 37: expected behind \" via \" the result of each part"},
      {"abs : f32 2 -> f32 2 via f32 2", "column 21: expected behind \" via \" the result of each part"},
      {"abs : f32 2", "column 12: expected \" ->\", found the end"},
      {"abs : f32 2 ->", "column 15: expected a result, found the end"},
      {"abs : f32 2 -> f32 2 ", "column 21: expected the end, found \" \""},
      {"abs : f32 2 -> f32 2\n", "column 21: expected the end, found \"?\""},
      {"abs : f32 2,f32 2 -> f32 2", "column 12: expected \" ->\", found \",f32\""},
      {"abs : f33 2 -> f32 2", "column 7: expected a data type, found \"f33\""},
      {"abs : undefined 2 -> f32 2", "column 7: expected a data type, found \"undefined\""},
      {"abs : f32 -> f32 2", "column 11: expected a shape such as 1x3x8x8, or scalar, found \"->\""},
      {"abs : f32 2x -> f32 2", "column 13: expected a shape"},
      {"abs : f32 -1 -> f32 2", "column 11: expected a shape"},
      {"abs : f32 1x1x1 -> f32 2", "column 11: expected a layout: nchw, nhwc or nchwc, found \"1x1x1\""},
      {"abs : f32 nhwc 1x1 -> f32 2",
       "column 11: expected no layout for constants and fewer than 3 dimensions"},
      {"abs : f32 const nhwc 1x1x1 -> f32 2", "column 17: expected no layout for constants"},
      {"abs : f32 nchwc 1x1x1 -> f32 2", "column 18: expected \" \", found \"x1x1\""},
      {"abs : f32 nchwc 256 1x1x1 -> f32 2", "column 17: expected how many channels a block has: 1 to 255"},
      {"abs : f32 nchw 1x1x1x1x1x1x1x1x1 -> f32 2", "column 32: expected at most 8 extents, found \"1\""},
      {"abs : f32 3x281474976710656 -> f32 2", "column 11: the tensor has more than 2^48 elements"},
      {"abs : f32 0x281474976710656x2 -> f32 2", "column 11: the tensor has more than 2^48 elements"},
      {"abs : u8 scale=0 zero=0 2 -> f32 2", "column 16: expected a scale that is not 0"},
      {"abs : u8 scale=1 2 -> f32 2", "column 17: expected \" zero=\", found \" 2\""},
      {"abs : u8 scale=1 zero=2147483648 2 -> f32 2", "column 23: expected a zero point of 32 bits"},
      {"abs : u8 zero=1 2 -> f32 2", "column 10: expected a shape"},
      {"abs : f32 2 strides=1,1 -> f32 2", "column 22: expected \" ->\", found \",1\""},
      {"abs : f32 2x2 strides=1 -> f32 2", "column 24: expected \",\", found \" ->\""},
      {"abs : f32 2 strides= -> f32 2", "column 21: expected a stride for each extent"},
      {"abs : f32 const 2 strides=2 -> f32 2",
       "column 18: expected no strides for constants, which are dense"},
      {"abs : f32 scalar strides= -> f32 2", "column 26: expected no strides for a scalar"},
  };
  for (const Case& c : kCases) {
    INFO(c.text);
    const Result<LayerDesc> layer = LayerDesc::parse(c.text);
    REQUIRE_FALSE(layer);
    const bool limit = c.message.find("2^48") != std::string_view::npos;
    CHECK(layer.error().code() == (limit ? ErrorCode::kLimitExceeded : ErrorCode::kInvalidArgument));
    CHECK(layer.error().message().substr(0, c.message.size() + 12) ==
          "layer text, " + std::string(c.message));
    CHECK_FALSE(layer.error().hint().empty());
  }
}

TEST_CASE("texts of layers are bounded", "[base]") {
  const std::string long_text(std::size_t{2} << 20, ' ');
  error_of(LayerDesc::parse(long_text), ErrorCode::kLimitExceeded, "1048576");
  std::string many = "abs";
  for (int i = 0; i < 257; ++i) many += " a" + std::to_string(i) + "=1";
  error_of(LayerDesc::parse(many + " : f32 2 -> f32 2"), ErrorCode::kLimitExceeded, "256 attributes");
  // As much as fits: nothing here takes time with a square.
  std::string parts = "abs (0)";
  std::string results = "f32 1";
  while (parts.size() + results.size() < 1'000'000) {
    parts += " + abs (0)";
    results += ", f32 1";
  }
  const std::string text = parts + " : f32 1 -> f32 1 via " + results.substr(0, results.size() - 7);
  CHECK(value_of(LayerDesc::parse(text)).text() == text);
}

}  // namespace fettle::test
