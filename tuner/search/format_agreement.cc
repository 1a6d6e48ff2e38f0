// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/format_agreement.h"

#include "tuner/at.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fettle::tuner {
namespace {

using FormatSet = std::uint64_t;  // a bit per format

FormatSet set_of(int format) { return format == kInside ? FormatSet{0} : FormatSet{1} << format; }

FormatSet set_of(const std::vector<int>& formats) {
  FormatSet set = 0;
  for (int format : formats) set |= set_of(format);
  return set;
}

std::vector<int> members(FormatSet set) {
  std::vector<int> formats;
  for (int format = 0; format < kMostFormats; ++format) {
    if ((set & set_of(format)) != 0) formats.push_back(format);
  }
  return formats;
}

// What each conversion costs, asked for once.
class ConversionCosts {
 public:
  ConversionCosts(const FormattedValue& value, FormatSet produced, FormatSet read)
      : costs_(at(kMostFormats * kMostFormats), 0.0) {
    for (int from : members(produced)) {
      for (int to : members(read)) {
        if (from != to) costs_[at(from * kMostFormats + to)] = value.conversion(from, to);
      }
    }
  }
  double operator()(int from, int to) const {
    if (from == kInside || to == kInside) return from == to ? 0 : kForbidden;
    return costs_[at(from * kMostFormats + to)];
  }

 private:
  std::vector<double> costs_;
};

// An option of a value's node.
struct ValueOption {
  int from = kInside;
  FormatSet available = 0;  // with `from`
  int copies = 0;
  double cost = 0;
};

bool serves(const ValueOption& option, int format) {
  if (format == kInside) return option.from == kInside;
  return (option.available & set_of(format)) != 0;
}

void add_edge_or_costs(SelectionProblem& problem, const FormatEnd& producer, const FormatEnd& reader,
                       const ConversionCosts& conversion) {
  EdgeMatrix matrix;
  for (int from : producer.formats) {
    for (int to : reader.formats) matrix.push_back(conversion(from, to));
  }
  if (producer.node >= 0 && reader.node >= 0)
    problem.add_edge(producer.node, reader.node, matrix);
  else if (producer.node >= 0 || reader.node >= 0)
    problem.add_costs(std::max(producer.node, reader.node), matrix);
}

class ValueOptions {
 public:
  ValueOptions(const FormattedValue& value, FormatSet read, const ConversionCosts& conversion)
      : value_(value),
        read_(members(read)),
        most_copies_(std::min(static_cast<int>(value.readers.size()), kMostCopies)),
        conversion_(conversion) {}

  std::vector<ValueOption> list() {
    const std::vector<int>& formats = value_.producer.formats;
    if (std::find(formats.begin(), formats.end(), kInside) != formats.end()) keep(ValueOption{});
    for (int from : members(set_of(formats))) extend({from, set_of(from), 0, 0}, 0);
    return std::move(options_);
  }
  bool bounded() const { return bounded_; }

 private:
  // The option, and with it all that have more copies, in formats from the given one on.
  void extend(const ValueOption& option, std::size_t first) {
    keep(option);
    for (std::size_t i = first; i < read_.size(); ++i) {
      ValueOption more = option;
      more.available |= set_of(read_[i]);
      more.cost += conversion_(option.from, read_[i]);
      ++more.copies;
      if (more.available == option.available || more.cost == kForbidden) continue;
      if (more.copies > most_copies_) {
        // More copies than readers are of no use; what is left out then is no loss.
        bounded_ = bounded_ || value_.readers.size() > at(kMostCopies);
        return;
      }
      extend(more, i + 1);
    }
  }

  // Keeps what every reader can do something with.
  void keep(const ValueOption& option) {
    const bool useful =
        std::all_of(value_.readers.begin(), value_.readers.end(), [&](const FormatEnd& reader) {
          return std::any_of(reader.formats.begin(), reader.formats.end(),
                             [&](int format) { return serves(option, format); });
        });
    if (useful) options_.push_back(option);
  }

  const FormattedValue& value_;
  std::vector<int> read_;
  int most_copies_;
  const ConversionCosts& conversion_;
  std::vector<ValueOption> options_;
  bool bounded_ = false;
};

ValueNode add_value_node(SelectionProblem& problem, const FormattedValue& value, FormatSet read,
                         const ConversionCosts& conversion) {
  ValueOptions listing(value, read, conversion);
  std::vector<ValueOption> options = listing.list();
  std::vector<double> costs;
  ValueNode result;
  result.bounded = listing.bounded();
  for (const ValueOption& option : options) {
    costs.push_back(option.cost);
    result.copies.push_back(option.copies);
  }
  if (options.empty()) {  // nothing serves every reader
    options.emplace_back();
    costs.push_back(kForbidden);
    result.copies.push_back(0);
  }
  result.node = problem.add_node(costs);
  const auto connect = [&](const FormatEnd& end, auto&& agrees) {
    if (end.node < 0) return;
    EdgeMatrix matrix;
    for (int format : end.formats) {
      for (const ValueOption& option : options) matrix.push_back(agrees(option, format) ? 0.0 : kForbidden);
    }
    problem.add_edge(end.node, result.node, matrix);
  };
  connect(value.producer, [](const ValueOption& option, int format) { return option.from == format; });
  for (const FormatEnd& reader : value.readers) connect(reader, serves);
  return result;
}

}  // namespace

bool ValueNode::bound_reached(const std::vector<int>& choice) const {
  return bounded && copies[at(choice[at(node)])] == kMostCopies;
}

ValueNode add_value(SelectionProblem& problem, const FormattedValue& value) {
  if (value.readers.empty()) return {};
  FormatSet read = 0;
  for (const FormatEnd& reader : value.readers) read |= set_of(reader.formats);
  const ConversionCosts conversion(value, set_of(value.producer.formats), read);
  if (value.readers.size() > 1) return add_value_node(problem, value, read, conversion);
  add_edge_or_costs(problem, value.producer, value.readers.front(), conversion);
  return {};
}

}  // namespace fettle::tuner
