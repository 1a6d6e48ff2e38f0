// SPDX-License-Identifier: Apache-2.0
//
// The passes that turn an imported graph into layers, a file each in passes/. Each keeps the graph valid and
// the results equal (up to rounding), and reports whether it changed anything.
#pragma once

#include "lib/graph/graph.h"
#include "lib/graph/unique_ids.h"

#include <fettle/kernel.h>
#include <fettle/limits.h>
#include <fettle/pass_info.h>

#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace fettle::graph {

/// Computes the outputs of a node whose inputs are all constant. Supplied by the caller, because kernels lie
/// above the graph: returns the name of the kernel, which lives as long as the program, or kModelUnsupported
/// when no kernel does it (the node then stays). `outputs[i]` has the size of the inferred output i.
using Evaluator = Result<std::string_view> (*)(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                                               std::span<const std::span<std::byte>> outputs);

/// What the passes work with.
struct PassContext {
  Evaluator evaluate = nullptr;
  ModelLimits limits;
  /// Nodes that cannot be understood, those that the importer left out among them; all are collected before
  /// giving up. A node whose input is of unknown shape, because of one before it, is passed over.
  std::vector<Problem> problems;
  /// Set by fold_qdq. Before, weights that a layer takes through dequantize_linear stay integers; afterwards
  /// what is left of these nodes is folded like everything constant.
  bool folded_qdq = false;
  std::size_t folded_bytes = 0;  ///< what folding has spent of the limits, over all rounds
  double folding_operations = 0;
  /// A node by itself, with nothing around it that says what operands will hold: the shapes of results that
  /// these decide stand as they are.
  bool alone = false;
  std::size_t widened_bytes = 0;           ///< of constants that widen_floats has made
  std::set<std::string_view> folded_with;  ///< the kernels that have folded something
  std::vector<PassInfo> passes;            ///< what each pass did, added to by optimise()

  /// Ids for the nodes that a pass adds. Made when first asked for: a pass begins with begin_pass().
  UniqueIds& ids(const Graph& graph) {
    if (!ids_) ids_.emplace(graph);
    return *ids_;
  }
  void begin_pass() { ids_.reset(); }

 private:
  std::optional<UniqueIds> ids_;
};

/// Infers shapes and types in topological order; turns constant parameters (axes, pads, sizes, scales, slice
/// bounds) into the attributes that op.h lists, flatten/squeeze/unsqueeze/reshape into `reshape`, upsample
/// into `resize`, relu and relu6-like clips into `clamp`; folds nodes whose inputs are all constant (Shape of
/// a known shape too) or whose results have no elements; and puts the bodies of If, Loop and Scan in their
/// place (inline_subgraphs.h). One walk, because shapes depend on folded values, and which branch is taken,
/// too.
Result<bool> simplify(Graph& graph, PassContext& context);
/// f16 and bf16 compute in f32, with casts where the model's own types show.
Result<bool> widen_floats(Graph& graph, PassContext& context);
/// Einsums of more than two terms become several of two.
Result<bool> split_einsum(Graph& graph, PassContext& context);
/// Identity, dropout, no-op reshape/transpose/cast/pad/concat/...
Result<bool> remove_identities(Graph& graph, PassContext& context);
/// Nodes without live results.
Result<bool> remove_dead(Graph& graph, PassContext& context);
/// Zero padding into convolutions (and average pools that count padding).
Result<bool> fold_pad(Graph& graph, PassContext& context);
/// Taps of convolutions that meet nothing but padding go.
Result<bool> trim_windows(Graph& graph, PassContext& context);
/// DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, Mul and Add become one product.
Result<bool> fuse_dynamic_products(Graph& graph, PassContext& context);
/// Batch normalisation, mul, add, sub and div by constants into weights and bias.
Result<bool> fold_linear(Graph& graph, PassContext& context);
/// Transposes of operands and of the result, and a bias, into products of matrices.
Result<bool> fuse_products(Graph& graph, PassContext& context);
/// Rotary position embedding written in parts.
Result<bool> recognise_rotary(Graph& graph, PassContext& context);
/// Attention written as products and softmax; transposes and scales around attention into it.
Result<bool> recognise_attention(Graph& graph, PassContext& context);
/// HardSwish, Swish, HardSigmoid, Gelu of both kinds, LayerNorm and RMSNorm written in parts.
Result<bool> recognise_composed(Graph& graph, PassContext& context);
/// Clamp into the node before, where every kernel of that operator can.
Result<bool> fuse_clamp(Graph& graph, PassContext& context);
/// Layers between dequantize_linear and quantize_linear compute in integers.
Result<bool> fold_qdq(Graph& graph, PassContext& context);
/// Pairs that undo each other; transposes that are reshapes.
Result<bool> cancel_transposes(Graph& graph, PassContext& context);

/// All of them in order, repeated until nothing changes (bounded), then compact(). In developer mode the
/// graph is verified after each. Errors: kModelInvalid, kModelUnsupported with all problems, kLimitExceeded,
/// kOutOfMemory; kInternal when a pass has broken the graph.
Status optimise(Graph& graph, PassContext& context);

/// Describes one node as a layer with every format nchw. Used for folding, by the compiler, and for
/// Model::layers. `inputs` has one entry for each operand of the node that is not left out, in order (a value
/// used twice appears twice), so that the i-th entry belongs to the i-th node input other than kNoValue;
/// constants are marked. Strides are dense.
LayerDesc describe(const Graph& graph, NodeId node);

}  // namespace fettle::graph
