// SPDX-License-Identifier: Apache-2.0
//
// What ONNX files may hold and Fettle does not compute with: types, ranks, functions. It is in the way only
// of what uses it, and messages say what it is.
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::run_model;

using Floats = std::vector<float>;

// A tensor of one element of any type, whose contents nobody looks at.
Message foreign(std::string_view name, int type) {
  return Message().integer(1, 1).integer(2, type).text(8, name).text(6, "text");
}

ModelBytes model_of_unusable(std::vector<Message> nodes, std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

std::string refusal_unusable(const std::string& bytes, ErrorCode code = ErrorCode::kModelUnsupported) {
  const Error error = test::error_of(Model::parse(as_bytes(bytes), "test"), code);
  CHECK_FALSE(error.hint().empty());
  return error.text();
}
std::string refusal_unusable(const ModelBytes& model) { return refusal_unusable(model.bytes()); }

bool mentions(const std::string& text, std::string_view part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

struct ForeignType {
  int number;
  const char* said;
};
constexpr ForeignType kForeign[] = {{8, "holds strings (string)"},
                                    {14, "holds complex numbers (complex64)"},
                                    {15, "holds complex numbers (complex128)"},
                                    {99, "has the unknown data type 99"},
                                    {0, "has no data type"}};

// A TypeProto whose value is field `field`: 4 a sequence, 5 a map, 8 a sparse tensor, 9 an optional value.
Message value_of_type(std::string_view name, int field) {
  return Message().text(1, name).message(2, Message().message(field, Message()));
}

}  // namespace

TEST_CASE("an initialiser that nothing uses may be of any type", "[onnx][unusable]") {
  for (const ForeignType& type : kForeign) {
    const ModelBytes model = model_of_unusable({node("Neg", {"x"}, {"y"})}, {foreign("labels", type.number)});
    CHECK(run_model(model, Floats{1, 2}).values() == Floats{-1, -2});
  }
  const ModelBytes wide = model_of_unusable({node("Neg", {"x"}, {"y"})}, {floats("wide", Dims(9, 1), {1})});
  CHECK(run_model(wide, Floats{1, 2}).values() == Floats{-1, -2});
}

TEST_CASE("an initialiser that is used says what it holds", "[onnx][unusable][bad]") {
  for (const ForeignType& type : kForeign) {
    const std::string text = refusal_unusable(
        model_of_unusable({node("Add", {"x", "k"}, {"y"}, {}, "sum")}, {foreign("k", type.number)}));
    CHECK(mentions(text, std::string("sum (Add): input 1, k, ") + type.said));
  }
  CHECK(mentions(refusal_unusable(model_of_unusable({node("Add", {"x", "k"}, {"y"}, {}, "sum")},
                                                    {floats("k", Dims(9, 1), {1})})),
                 "sum (Add): input 1, k, has 9 dimensions, more than the 8 that Fettle has"));
}

TEST_CASE("a sparse initialiser is in the way of what uses it", "[onnx][unusable]") {
  const auto with_sparse = [](Message entry) {
    Message values = floats("k", {1}, {1});
    const Message sparse = Message().message(1, values).integer(3, 4);
    Message graph_bytes = graph({std::move(entry)}, {value_info("x", {2})}, {"y"});
    graph_bytes.message(15, sparse);
    return Message()
        .integer(1, 8)
        .message(7, graph_bytes)
        .message(8, Message().text(1, "").integer(2, 13))
        .bytes();
  };
  CHECK(Model::parse(as_bytes(with_sparse(node("Neg", {"x"}, {"y"}))), "test"));
  CHECK(mentions(refusal_unusable(with_sparse(node("Add", {"x", "k"}, {"y"}, {}, "sum"))),
                 "sum (Add): input 1, k, is stored sparsely"));
}

TEST_CASE("a Constant of strings is like an initialiser of them", "[onnx][unusable]") {
  for (const Message& text :
       {attribute("value_string", "a"), attribute("value_strings", std::vector<std::string>{"a"}),
        attribute("value", foreign("", 8))}) {
    const Message constant = node("Constant", {}, {"k"}, {text});
    CHECK(run_model(model_of_unusable({constant, node("Neg", {"x"}, {"y"})}), Floats{1, 2}).values() ==
          Floats{-1, -2});
    CHECK(mentions(refusal_unusable(model_of_unusable({constant, node("Add", {"x", "k"}, {"y"}, {}, "sum")})),
                   "sum (Add): input 1, k, holds strings"));
  }
}

TEST_CASE("every use of what cannot be used is listed, with the other problems", "[onnx][unusable][bad]") {
  const std::string text = refusal_unusable(model_of_unusable(
      {node("Add", {"x", "k"}, {"a"}, {}, "sum"), node("Neg", {"a"}, {"b"}, {}, "follows"),
       node("Magic", {"x"}, {"c"}, {}, "trick"), node("Mul", {"k", "x"}, {"y"}, {}, "product")},
      {foreign("k", 14)}));
  CHECK(mentions(text, "3 nodes cannot be run"));
  CHECK(mentions(text, "sum (Add): input 1, k, holds complex"));
  CHECK(mentions(text, "trick (Magic)"));
  CHECK(mentions(text, "product (Mul): input 0, k, holds complex"));
  CHECK_FALSE(mentions(text, "follows"));
}

TEST_CASE("a graph inside a node that uses what cannot be used is refused", "[onnx][unusable][bad]") {
  const Message uses = graph({node("Add", {"x", "k"}, {"r"}, {}, "inner")}, {}, {"r"});
  const Message own = graph({node("Add", {"x", "k"}, {"r"}, {}, "inner")}, {}, {"r"}, {foreign("k", 8)});
  const Message gives = graph({}, {}, {"k"}, {foreign("k", 8)});
  const Message good = graph({node("Neg", {"x"}, {"r"})}, {}, {"r"});
  const auto choice = [](const Message& taken, const Message& other, std::vector<Message> more) {
    more.push_back(tensor("yes", 9, {}, std::vector<char>{1}));
    return model_of_unusable(
        {node("If", {"yes"}, {"y"}, {body("then_branch", taken), body("else_branch", other)}, "choice")},
        std::move(more));
  };
  CHECK(mentions(refusal_unusable(choice(uses, good, {foreign("k", 8)})),
                 "choice (If): a graph in it uses k, which holds strings"));
  CHECK(mentions(refusal_unusable(choice(own, good, {})), "inner (Add): input 1, k, holds strings"));
  CHECK(mentions(refusal_unusable(choice(gives, good, {})), "output k holds strings"));
  CHECK(run_model(choice(good, own, {}), Floats{1, 2}).values() == Floats{-1, -2});
}

TEST_CASE("an output that cannot be used is refused", "[onnx][unusable][bad]") {
  ModelBytes model = model_of_unusable({node("Neg", {"x"}, {"y"})}, {foreign("k", 8)});
  model.outputs.emplace_back("k");
  CHECK(mentions(refusal_unusable(model), "k (output): holds strings"));
}

TEST_CASE("an input that cannot be used is one problem, beside the others", "[onnx][unusable][bad]") {
  for (const ForeignType& type : kForeign) {
    ModelBytes model = model_of_unusable({node("Neg", {"x"}, {"y"}, {}, "follows")});
    model.inputs = {value_info("x", {2}, type.number)};
    const std::string text = refusal_unusable(model);
    CHECK(mentions(text, std::string("x (input): ") + type.said));
    CHECK(mentions(text, "1 input cannot be used:"));
    CHECK_FALSE(mentions(text, "follows"));
  }
  const std::pair<int, const char*> fields[] = {{4, "is a sequence"},
                                                {5, "is a map"},
                                                {8, "is a sparse tensor"},
                                                {9, "is an optional value"},
                                                {99, "has no type"}};
  for (const auto& [field, said] : fields) {
    ModelBytes model = model_of_unusable({node("Neg", {"x"}, {"y"})});
    model.inputs = {value_of_type("x", field)};
    CHECK(mentions(refusal_unusable(model), std::string("x (input): ") + said));
  }
  ModelBytes model = model_of_unusable({node("Neg", {"x"}, {"y"}), node("Magic", {"x"}, {"z"}, {}, "trick")});
  model.inputs = {value_info("x", Dims(9, 1)), value_info("open", {-1})};
  const std::string text = refusal_unusable(model);
  CHECK(mentions(text, "1 input has no fixed shape, 1 input cannot be used, 1 node cannot be run:"));
  CHECK(mentions(text, "x (input): has 9 dimensions, more than the 8 that Fettle has"));
  CHECK(mentions(text, "at most 8 dimensions"));
}

TEST_CASE("a cast to what Fettle does not have says to what", "[onnx][unusable][bad]") {
  for (const auto& [number, said] :
       {std::pair{8, "string"}, {14, "complex64"}, {99, "the unknown data type 99"}}) {
    CHECK(mentions(refusal_unusable(model_of_unusable(
                       {node("Cast", {"x"}, {"y"}, {attribute("to", std::int64_t{number})}, "cast")})),
                   std::string("cast (Cast): attribute to is ") + said));
  }
}

TEST_CASE("ConstantOfShape of strings says so", "[onnx][unusable][bad]") {
  CHECK(mentions(refusal_unusable(model_of_unusable(
                     {node("ConstantOfShape", {"s"}, {"y"}, {attribute("value", foreign("", 8))}, "fill")},
                     {integers("s", {2})})),
                 "fill (ConstantOfShape): attribute value holds strings"));
}

}  // namespace fettle
