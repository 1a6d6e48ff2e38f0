// SPDX-License-Identifier: Apache-2.0
//
// A mutator for the ONNX target: takes the messages apart, changes one field, and puts them together again
// with the right lengths. Changing bytes alone breaks a length almost every time, and seldom gets past the
// parser.
#include "tests/fuzz/wire_format.h"
#include "tests/fuzz/wire_names.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed);

namespace fettle::fuzz {
namespace {

using Random = std::minstd_rand;

constexpr std::int64_t kNumbers[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     7,
                                     8,
                                     9,
                                     16,
                                     64,
                                     255,
                                     256,
                                     1024,
                                     65536,
                                     1 << 20,
                                     INT32_MAX,
                                     INT64_MAX,
                                     INT64_MIN,
                                     INT64_MAX / 2,
                                     -1,
                                     -2,
                                     -4};

template <typename Range>
auto& any_of(Random& random, Range& range) {
  return *(std::begin(range) + static_cast<std::ptrdiff_t>(random() % std::size(range)));
}

struct Tree {
  std::vector<std::pair<Kind, std::vector<Field>*>> messages;
  std::vector<Field*> texts;    // names, operators, raw bytes
  std::vector<Field*> numbers;  // everything that is no text and no message

  void collect(Kind kind, std::vector<Field>& fields) {
    messages.emplace_back(kind, &fields);
    for (Field& field : fields) {
      if (field.kind != Kind::leaf)
        collect(field.kind, field.fields);
      else
        (field.wire == Wire::bytes ? texts : numbers).push_back(&field);
    }
  }
};

void change_number(Random& random, Field& field) {
  switch (random() % 3) {
    case 0:
      field.number = static_cast<std::uint64_t>(any_of(random, kNumbers));
      return;
    case 1:
      field.number += random() % 2 == 0 ? 1 : ~std::uint64_t{0};
      return;
    default:
      field.number ^= std::uint64_t{1} << random() % (field.wire == Wire::fixed32 ? 32 : 64);
  }
}

void change_bytes(Random& random, std::string& bytes) {
  const std::size_t most = bytes.size() + random() % 16 + 1;
  const std::size_t size = bytes.size();
  bytes.resize(most);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, most));
}

void change_message(Random& random, const Tree& tree) {
  std::vector<Field>& fields = *tree.messages[random() % tree.messages.size()].second;
  if (fields.empty()) return;
  Field& field = any_of(random, fields);
  switch (random() % 3) {
    case 0:
      fields.erase(fields.begin() + (&field - fields.data()));
      return;
    case 1:
      fields.push_back(Field(field));
      return;
    default:
      std::swap(field, any_of(random, fields));
  }
}

// A field of another message of the same kind, as an input of another node.
void borrow(Random& random, const Tree& tree) {
  const auto& [kind, fields] = tree.messages[random() % tree.messages.size()];
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto& [other_kind, others] = tree.messages[random() % tree.messages.size()];
    if (other_kind != kind || others->empty()) continue;
    Field field = any_of(random, *others);
    fields->push_back(std::move(field));
    return;
  }
}

Field text_field(std::uint32_t id, std::string_view text) {
  Field field;
  field.id = id;
  field.wire = Wire::bytes;
  field.bytes = text;
  return field;
}

Field real_field(std::uint32_t id, float number) {
  Field field;
  field.id = id;
  field.wire = Wire::fixed32;
  field.number = std::bit_cast<std::uint32_t>(number);
  return field;
}

Field number_field(std::uint32_t id, std::int64_t number) {
  Field field;
  field.id = id;
  field.number = static_cast<std::uint64_t>(number);
  return field;
}

// AttributeProto's fields: name 1, f 2, i 3, s 4, floats 7, ints 8; type 20, with numbers of its own.
void add_attribute(Random& random, const Tree& tree) {
  const auto& [kind, fields] = tree.messages[random() % tree.messages.size()];
  if (kind != Kind::node) return;
  Field attribute;
  attribute.id = 5;
  attribute.wire = Wire::bytes;
  attribute.kind = Kind::attribute;
  attribute.fields = {text_field(1, any_of(random, kAttributes))};
  struct Alternative {
    std::uint32_t one, many;
    std::int64_t type_of_one, type_of_many;
  };
  constexpr Alternative kReals{2, 7, 1, 6};
  constexpr Alternative kWhole{3, 8, 2, 7};
  const bool real = random() % 4 == 0;
  const Alternative& as = real ? kReals : kWhole;
  const bool list = random() % 2 == 0;
  for (std::size_t count = list ? random() % 7 : 1; count > 0; --count) {
    const std::int64_t number = random() % 4 == 0 ? any_of(random, kNumbers) : static_cast<int>(random() % 5);
    const std::uint32_t id = list ? as.many : as.one;
    attribute.fields.push_back(real ? real_field(id, static_cast<float>(number)) : number_field(id, number));
  }
  if (random() % 4 == 0) {
    attribute.fields.push_back(text_field(4, any_of(random, kWords)));
    attribute.fields.push_back(number_field(20, 3));
  } else {
    attribute.fields.push_back(number_field(20, list ? as.type_of_many : as.type_of_one));
  }
  fields->push_back(std::move(attribute));
}

void change_operator(Random& random, const Tree& tree) {
  const auto& [kind, fields] = tree.messages[random() % tree.messages.size()];
  if (kind != Kind::node) return;
  for (Field& field : *fields) {
    if (field.id == 4 && field.kind == Kind::leaf) field.bytes = any_of(random, kOperators);
  }
}

void change(Random& random, std::vector<Field>& model) {
  Tree tree;
  tree.collect(Kind::model, model);
  switch (random() % 8) {
    case 0:
      return change_message(random, tree);
    case 1:
      return borrow(random, tree);
    case 2:
      return add_attribute(random, tree);
    case 3:
      return change_operator(random, tree);
    case 4:  // a name for another: nodes take other values
      if (!tree.texts.empty())
        any_of(random, tree.texts)->bytes = std::string(any_of(random, tree.texts)->bytes);
      return;
    case 5:
      if (!tree.texts.empty()) change_bytes(random, any_of(random, tree.texts)->bytes);
      return;
    default:
      if (!tree.numbers.empty()) change_number(random, *any_of(random, tree.numbers));
  }
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace fettle::fuzz;
  Random random(seed);
  auto model = read_message(Kind::model, {reinterpret_cast<const char*>(data), size});
  if (!model || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (auto count = 1 + random() % 3; count > 0; --count) change(random, *model);
  const std::string bytes = write_message(*model);
  if (bytes.size() > max_size || bytes.empty()) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
