// SPDX-License-Identifier: Apache-2.0
//
// Inputs and outputs: by index and name, bound to the caller's memory, in the caller's arena; and every
// misuse.
#include "tests/common/data.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace fettle::test {
namespace {

Runtime load_glyphs() { return value_of(Runtime::load(glyphs_model())); }

std::span<std::byte> bytes_of(std::vector<float>& values) {
  return std::as_writable_bytes(std::span(values));
}

}  // namespace

TEST_CASE("tensors are found by index and name", "[runtime]") {
  Runtime runtime = load_glyphs();
  REQUIRE(runtime.input_count() == 1);
  REQUIRE(runtime.output_count() == 1);
  CHECK(runtime.input(0).info().name == "image");
  CHECK(runtime.input(0).shape() == Shape{1, 3, 32, 32});
  CHECK(runtime.input("image").value().bytes().data() == runtime.input(0).bytes().data());
  CHECK(runtime.output("scores").value().shape() == Shape{1, 36});
  CHECK(error_of(runtime.input("picture"), ErrorCode::kUnknownName, "picture").text().find("image") !=
        std::string::npos);
  error_of(runtime.output("image"), ErrorCode::kUnknownName, "scores");
}

TEST_CASE("values of the wrong type or size are refused", "[runtime]") {
  Runtime runtime = load_glyphs();
  const TensorView input = runtime.input(0);
  error_of(input.copy_from(std::vector<float>(10)), ErrorCode::kWrongSize, "image");
  error_of(input.copy_from(std::vector<std::uint8_t>(3072)), ErrorCode::kWrongType, "image");
  error_of(input.copy_from(std::span<const std::byte>()), ErrorCode::kWrongSize, "12288");
  std::vector<float> small(1);
  error_of(runtime.output(0).copy_to(bytes_of(small)), ErrorCode::kWrongSize, "scores");
  CHECK(input.values<std::uint8_t>().empty());
  CHECK(input.values<float>().size() == 3072);
}

TEST_CASE("inputs keep their contents and outputs are the same every time", "[runtime]") {
  Runtime runtime = load_glyphs();
  const std::vector<float> first = outputs_of(runtime);
  const std::vector<float> expected = numbers(3072, 7);
  const auto kept = runtime.input(0).values<float>();
  CHECK(std::equal(kept.begin(), kept.end(), expected.begin(), expected.end()));
  succeeds(runtime.run());
  const auto again = runtime.output(0).values<float>();
  CHECK(std::equal(again.begin(), again.end(), first.begin(), first.end()));
}

TEST_CASE("bound memory is read and written in place", "[runtime]") {
  Runtime runtime = load_glyphs();
  const std::vector<float> expected = outputs_of(runtime);
  // One element more than needed, to have an address that is aligned to an element only.
  std::vector<float> input(3073);
  std::vector<float> output(37);
  const std::vector<float> values = numbers(3072, 7);
  std::copy(values.begin(), values.end(), input.begin() + 1);
  succeeds(runtime.bind_input(0, bytes_of(input).subspan(4)));
  succeeds(runtime.bind_output(0, bytes_of(output).subspan(4)));
  CHECK(runtime.input(0).bytes().data() == bytes_of(input).data() + 4);
  succeeds(runtime.run());
  CHECK(output[0] == 0.0f);
  CHECK(relative_error(std::span(output).subspan(1), expected) < 1e-6);
  // And again, elsewhere.
  std::vector<float> other(36);
  succeeds(runtime.bind_output(0, bytes_of(other)));
  succeeds(runtime.run());
  CHECK(std::equal(other.begin(), other.end(), output.begin() + 1));
}

TEST_CASE("bindings are checked", "[runtime]") {
  Runtime runtime = load_glyphs();
  std::vector<float> memory(3073);
  error_of(runtime.bind_input(1, bytes_of(memory)), ErrorCode::kInvalidArgument, "1");
  error_of(runtime.bind_output(7, bytes_of(memory)), ErrorCode::kInvalidArgument, "7");
  error_of(runtime.bind_input(0, bytes_of(memory)), ErrorCode::kWrongSize, "image");
  error_of(runtime.bind_input(0, bytes_of(memory).subspan(1, 3072 * 4)), ErrorCode::kInvalidArgument,
           "align");
  error_of(runtime.bind_output(0, {}), ErrorCode::kWrongSize, "scores");
  // What was refused changed nothing.
  CHECK(outputs_of(runtime).size() == 36);
}

TEST_CASE("a network whose input is its output copies it", "[runtime]") {
  using namespace onnx_bytes;
  ModelBytes bytes;
  bytes.inputs = {value_info("x", {2, 3})};
  bytes.nodes = {node("Identity", {"x"}, {"y"}), node("Flatten", {"x"}, {"z"})};
  bytes.outputs = {"y", "z"};
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(bytes)))));
  const std::vector<float> out = outputs_of(runtime);
  const std::vector<float> in = numbers(6, 7);
  REQUIRE(out.size() == 12);
  CHECK(std::equal(in.begin(), in.end(), out.begin()));
  CHECK(std::equal(in.begin(), in.end(), out.begin() + 6));
}

TEST_CASE("tensors without elements are no special case", "[runtime]") {
  using namespace onnx_bytes;
  ModelBytes bytes;
  bytes.inputs = {value_info("x", {0, 3})};
  bytes.nodes = {node("Relu", {"x"}, {"y"}), node("Flatten", {"x"}, {"z"})};
  bytes.outputs = {"y", "z"};
  const std::string text = bytes.bytes();
  const Result<Model> model = Model::parse(as_bytes(text), "test");
  if (!model) {
    CHECK_FALSE(model.error().hint().empty());
    error_of(model, model.error().code(), "x");
    return;
  }
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(*model))));
  CHECK(outputs_of(runtime).empty());
}

TEST_CASE("the arena may be the caller's", "[runtime]") {
  const Program program = value_of(Program::compile(parse(residual_network())));
  const std::vector<float> expected = outputs_of(program);
  const std::size_t bytes = program.arena().bytes;
  REQUIRE(bytes > 0);
  std::vector<std::byte> block(bytes + 128, std::byte{0xa5});
  const auto address = reinterpret_cast<std::uintptr_t>(block.data());
  const std::size_t shift = 64 - address % 64;
  RuntimeOptions options;
  options.memory = std::span(block).subspan(shift, bytes);
  Runtime runtime = value_of(Runtime::create(program, options));
  CHECK(outputs_of(runtime) == expected);
  // Nothing outside was touched.
  for (std::size_t i = 0; i < shift; ++i) REQUIRE(block[i] == std::byte{0xa5});
  for (std::size_t i = shift + bytes; i < block.size(); ++i) REQUIRE(block[i] == std::byte{0xa5});

  options.memory = std::span(block).subspan(shift, bytes - 1);
  error_of(Runtime::create(program, options), ErrorCode::kWrongSize, std::to_string(bytes));
  options.memory = std::span(block).subspan(shift + 8, bytes);
  error_of(Runtime::create(program, options), ErrorCode::kInvalidArgument, "64");
}

TEST_CASE("options out of range are refused", "[runtime]") {
  CompileOptions options;
  const Model model = parse(residual_network());
  options.threads = -1;
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "threads");
  options.threads = 257;
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "256");
  options.threads = 1;
  options.inputs["nobody"] = {.u8_nhwc = true};
  error_of(Program::compile(model, nullptr, options), ErrorCode::kUnknownName, "nobody");
  ThreadPoolOptions pool;
  pool.threads = -1;
  error_of(make_thread_pool(pool), ErrorCode::kInvalidArgument, "-1");
}

TEST_CASE("files that are missing, empty or no model are named", "[runtime]") {
  error_of(Runtime::load("/nowhere/model.onnx"), ErrorCode::kFileNotFound, "/nowhere/model.onnx");
  error_of(Runtime::load(source_file("tests")), ErrorCode::kFileUnreadable, "tests");
  error_of(Runtime::load("/dev/null"), ErrorCode::kFileUnreadable, "/dev/null");
  const std::string empty = (std::filesystem::temp_directory_path() / "fettle_empty.onnx").string();
  std::ofstream(empty).close();
  error_of(Runtime::load(empty), ErrorCode::kModelMalformed, "is empty");
  std::filesystem::remove(empty);
  error_of(Runtime::load(source_file("CMakeLists.txt")), ErrorCode::kModelMalformed, "CMakeLists");
  error_of(Runtime::load(glyphs_model(), "/nowhere/a.plan"), ErrorCode::kFileNotFound, "/nowhere/a.plan");
  error_of(Runtime::load(glyphs_model(), source_file("CMakeLists.txt")), ErrorCode::kPlanMalformed,
           "CMakeLists");
}

}  // namespace fettle::test
