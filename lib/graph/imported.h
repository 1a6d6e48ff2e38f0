// SPDX-License-Identifier: Apache-2.0
//
// What an importer gives: a graph whose inputs wait for their shapes, what the model says of these, and what
// stands in the way of running it.
#pragma once

#include "lib/graph/graph.h"

#include <fettle/limits.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fettle::graph {

/// What a model says of the shape of one of its inputs.
struct DeclaredInput {
  std::string name;
  std::optional<Shape> shape;       ///< an extent of -1 is free; nothing: even the rank is
  std::vector<std::string> labels;  ///< what the model calls each axis; mostly empty texts

  /// Whether shapes other than one are possible.
  bool free() const;
  /// Whether a shape contradicts nothing that is declared. An extent of 0 is one, but some exporters write it
  /// where they know none, so that another may be given.
  bool fits(const Shape& wanted) const;
};

struct Imported {
  Graph graph;                        ///< its inputs have no shapes yet
  std::vector<DeclaredInput> inputs;  ///< parallel to those of the graph
  std::vector<Problem> problems;      ///< nodes that are not in the graph, because they cannot be imported
};

/// The shape of each input: what `given` says, else what is declared, with 1 for a free batch dimension,
/// which `notes` then say. Where a shape stays open there is none, and a problem is noted. `model` stands for
/// the file in messages.
///
/// The batch dimension is one whose name says so ("batch_size", "N"), or the first of several, unless its
/// name is that of a later dimension too or speaks of a sequence or a size. Errors: kUnknownName (a shape for
/// an input that is not there), kWrongShape (one that contradicts the model, or is larger than the limits
/// allow), kModelInvalid (a declared shape that is).
Result<std::vector<std::optional<Shape>>> input_shapes(const std::string& model,
                                                       std::span<const DeclaredInput> inputs,
                                                       const std::map<std::string, Shape>& given,
                                                       const ModelLimits& limits,
                                                       std::vector<Problem>& problems,
                                                       std::vector<std::string>& notes);

/// The error that lists all problems of a model in the order of its nodes, a long list up to a bound and the
/// number of the rest. kWrongShape when inputs alone lack something, else kModelUnsupported.
Error problems_error(const std::string& model, std::vector<Problem> problems);

}  // namespace fettle::graph
