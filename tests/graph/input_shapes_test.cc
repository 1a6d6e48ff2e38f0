// SPDX-License-Identifier: Apache-2.0
//
// Which dimensions of inputs are taken for the batch, and what is said of those that stay open.
#include "lib/graph/imported.h"

#include <catch2/catch_test_macros.hpp>

#include <map>

namespace fettle::graph {
namespace {

struct Resolved {
  std::vector<std::optional<Shape>> shapes;
  std::vector<Problem> problems;
  std::vector<std::string> notes;
};

Resolved resolve(const std::vector<DeclaredInput>& inputs, const std::map<std::string, Shape>& given = {}) {
  Resolved result;
  Result<std::vector<std::optional<Shape>>> shapes =
      input_shapes("m", inputs, given, {}, result.problems, result.notes);
  REQUIRE(shapes);
  result.shapes = *std::move(shapes);
  return result;
}

TEST_CASE("a free batch is one, with a note", "[graph]") {
  for (const char* label : {"", "batch_size", "N", "unk__17", "dim_0"}) {
    INFO(label);
    const Resolved one = resolve({{"x", Shape{-1, 3, 8, 8}, {label, "", "", ""}}});
    CHECK(one.shapes.front() == Shape{1, 3, 8, 8});
    CHECK(one.problems.empty());
    REQUIRE(one.notes.size() == 1);
    CHECK(one.notes.front().find("input x: dimension 0") == 0);
  }
}

TEST_CASE("so it is wherever its name says so, or the same name stands first elsewhere", "[graph]") {
  const Resolved both = resolve({{"state", Shape{2, -1, 64}, {"", "batch", ""}},
                                 {"x", Shape{-1, 80}, {"clips", ""}},
                                 {"length", Shape{-1}, {"clips"}}});
  CHECK(both.shapes == std::vector<std::optional<Shape>>{Shape{2, 1, 64}, Shape{1, 80}, Shape{1}});
  CHECK(both.notes.size() == 3);
}

TEST_CASE("sequences and sizes are not the batch", "[graph][bad]") {
  for (const char* label : {"seq_len", "Time", "frames", "num_tokens", "height"}) {
    INFO(label);
    const Resolved open = resolve({{"x", Shape{-1, 80}, {label, ""}}});
    CHECK_FALSE(open.shapes.front());
    CHECK(open.notes.empty());
    REQUIRE(open.problems.size() == 1);
    CHECK(open.problems.front().reason.find(std::string("dimension 0 (") + label + ") is free") == 0);
  }
  // A vector, and a name that a later dimension has.
  CHECK_FALSE(resolve({{"x", Shape{-1}, {""}}}).shapes.front());
  const Resolved square = resolve({{"x", Shape{-1, -1}, {"n", "n"}}});
  CHECK(square.problems.front().fix == "x=NxN");
}

TEST_CASE("what stays open is said without the batch, and how it is given", "[graph][bad]") {
  const Resolved open = resolve({{"ids", Shape{-1, -1}, {"batch", "past+len"}},
                                 {"any", std::nullopt, {}},
                                 {"k", Shape{2, -1}, {"", ""}}});
  REQUIRE(open.problems.size() == 3);
  CHECK(open.problems[0].reason == "dimension 1 (past+len) is free");
  CHECK(open.problems[0].fix == "ids=1xPAST_LEN");
  CHECK(open.problems[1].fix == "any=...");
  CHECK(open.problems[2].fix == "k=2xN");
  const std::string text = problems_error("m", open.problems).text();
  CHECK(text.find("--shape ids=1xPAST_LEN --shape any=... --shape k=2xN") != std::string::npos);
}

TEST_CASE("a shape that is given is taken as it is", "[graph]") {
  const Resolved given = resolve({{"x", Shape{-1, 3}, {"batch", ""}}}, {{"x", Shape{5, 3}}});
  CHECK(given.shapes.front() == Shape{5, 3});
  CHECK(given.notes.empty());
}

}  // namespace
}  // namespace fettle::graph
