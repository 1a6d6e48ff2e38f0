// SPDX-License-Identifier: Apache-2.0
//
// What fold_qdq knows of quantised values.
#pragma once

#include "lib/graph/graph.h"

#include <fettle/quantisation.h>

#include <optional>

namespace fettle::graph {

/// What a quantize_linear gives or a dequantize_linear takes; nothing when it is not one of the two, has a
/// scale for each extent of an axis, or one that is computed.
std::optional<ValueQuantisation> quantisation_of(const Graph& graph, const Node& node);

/// The dequantize_linear with known scales that makes the value, or nullptr.
const Node* dequantize_before(const Graph& graph, ValueId value);

/// Another name for a constant, with a quantisation of its own; the bytes are shared.
ValueId add_quantised_constant(Graph& graph, const std::string& name, ValueId constant,
                               const ValueQuantisation& quantisation);

/// Makes a gemm of a product of two matrices.
void become_gemm(Node& matmul);

/// The operands of a conv, gemm or matmul after the first, as quantised layers have them (see op.h).
struct IntegerOperands {
  ValueId weight = kNoValue;
  ValueId bias = kNoValue;
  ValueId scales = kNoValue;  ///< kNoValue when all output channels have one scale
};

/// Makes them from constant weights that come from a dequantize_linear, and a bias that does or is constant;
/// nothing where an integer layer cannot have them. `x` and `y` are the layer's input and result.
Result<std::optional<IntegerOperands>> integer_operands(Graph& graph, const Node& node,
                                                        const ValueQuantisation& x,
                                                        const ValueQuantisation& y);

}  // namespace fettle::graph
