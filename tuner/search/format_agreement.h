// SPDX-License-Identifier: Apache-2.0
//
// Decisions that must agree on the formats of the values between them, or pay for conversions, as nodes and
// edges of a selection problem. A format is a small number that the caller gives a meaning to.
//
// A value with one reader is an edge between its producer and that reader: the matrix holds the conversions.
// A value with several readers is a node of its own: an option says in which format it is produced and into
// which others it is converted (its copies), so that all readers of one format pay one conversion.
//
// Copies are bounded: with f formats there are 2^f sets of them, but only f^3 sets of at most three.
#pragma once

#include "tuner/search/selection.h"

#include <functional>
#include <vector>

namespace fettle::tuner {

/// The most formats, so that sets of them fit a word.
inline constexpr int kMostFormats = 64;
/// A value is converted into at most min(its readers, this many) formats.
inline constexpr int kMostCopies = 3;
/// In place of a format: the value stays inside what the option does, and no other format of it exists.
inline constexpr int kInside = -1;

/// One end of a value.
struct FormatEnd {
  int node = -1;  ///< the decision; -1: there is none, the format is fixed
  std::vector<int>
      formats;  ///< that each of the node's options writes or reads, or kInside; one when it is fixed
};

struct FormattedValue {
  FormatEnd producer;
  std::vector<FormatEnd> readers;  ///< with different nodes; at most one without a node
  /// What a conversion between two different formats costs; kForbidden: there is none.
  std::function<double(int from, int to)> conversion;
};

/// The node of a value, where it has one.
struct ValueNode {
  int node = -1;            ///< -1: there is none
  std::vector<int> copies;  ///< of each option
  bool bounded = false;     ///< more copies than allowed would have had readers

  /// Whether a full choice makes as many copies as are allowed, where more would have been possible: what is
  /// optimal otherwise may then cost more than it must.
  bool bound_reached(const std::vector<int>& choice) const;
};

/// Adds a value's costs to objective 0 of the problem, and its node if it needs one.
ValueNode add_value(SelectionProblem& problem, const FormattedValue& value);

}  // namespace fettle::tuner
