// SPDX-License-Identifier: Apache-2.0
//
// A model: the parsed and checked graph with its initialisers. Immutable, cheap to copy (copies share),
// thread-safe.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/kernel.h>
#include <fettle/layer.h>
#include <fettle/limits.h>
#include <fettle/pass_info.h>
#include <fettle/quantisation.h>
#include <fettle/tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

// The library's own affair.
struct ModelState;

/// Contents for an input that is a parameter rather than data: a shape, axes, a threshold, a number of
/// classes.
struct BoundInput {
  DataType type = DataType::undefined;  ///< undefined: `integers` or `reals` are given
  Shape shape;
  std::vector<std::byte> bytes;  ///< dense, row-major, in the machine's byte order
  /// Without `type`: as many numbers as the input's declared shape has elements, or a vector of any length
  /// where the model leaves the shape free. They get the input's type; for types of integers, and bool, they
  /// must be numbers of it.
  std::vector<std::int64_t> integers;
  /// The same as real numbers, rounded to nearest for floating-point types. Only one of both lists is used.
  std::vector<double> reals = {};
};

/// What a model with free dimensions keeps for other input shapes.
enum class GraphPolicy {
  keep,     ///< the graph as imported. Weights are shared with the layers, except those that passes have
            ///< replaced, such as those of a convolution before a batch normalisation
  release,  ///< nothing: another input shape needs a new load
};

/// How to read a model.
struct ModelOptions {
  /// Fixes the shape of inputs by name: needed for free dimensions, other than that of the batch, which is 1
  /// unless a shape is given (see Model::notes).
  std::map<std::string, Shape> shapes;
  /// Makes inputs constants, by name: they are inputs no more, and what follows from them is computed at
  /// load.
  std::map<std::string, BoundInput> constants;
  ModelLimits limits;
  GraphPolicy graph_policy = GraphPolicy::keep;  ///< whether `Model::with_shapes` works
  /// By default layers that are sums and products (convolutions, products, average pools, recurrent layers,
  /// normalisations, add, sub, mul) take subnormal numbers for zero, since cores take up to a hundred times
  /// as long for them: docs/models.md. True: they count everywhere as what they are.
  bool keep_subnormals = false;
};

/// A layer of the model, for display and for tuners.
struct LayerInfo {
  std::string id;         ///< unique, never empty, made before fusion: what plans name
  LayerDesc desc;         ///< with every format nchw
  std::int64_t macs = 0;  ///< multiply-accumulates; 0 for layers that have none
  /// About how many elements a plain implementation reads and writes, whatever the operator: a bound on work,
  /// not a measure of time.
  std::int64_t operations = 0;
  std::vector<int> inputs;   ///< for each desc.inputs: the value's number, -1 for constants
  std::vector<int> outputs;  ///< the values' numbers; equal numbers connect layers
};

class Model {
 public:
  /// Reads an ONNX file, and the files of weights that it names below its own folder. Errors: kFileNotFound,
  /// kFileUnreadable, kModelMalformed, kModelInvalid, kModelUnsupported (listing every node that cannot run,
  /// and every input with free dimensions), kWrongShape (a shape that contradicts the model; free dimensions
  /// alone), kUnknownName (a shape or contents for an input that is not there), kLimitExceeded, kOutOfMemory,
  /// kNotCompiledIn.
  FETTLE_API static Result<Model> load(const std::string& path, const ModelOptions& options = {});
  /// The same from memory; `bytes` is not kept. `name` stands for the file in messages.
  FETTLE_API static Result<Model> parse(std::span<const std::byte> bytes, const std::string& name = "model",
                                        const ModelOptions& options = {});

  /// The same network for other shapes of its inputs; those that are not named keep theirs. No file is read:
  /// weights are shared, layers keep their ids, hashes and bound constants stay. Programs that are compiled
  /// with one WeightStore share packed weights too. Errors: kUnknownName, kWrongShape (a dimension that the
  /// model does not leave free), kModelUnsupported (listing the nodes that the shapes do not fit),
  /// kInvalidArgument (the graph was released, see ModelOptions::graph_policy), kLimitExceeded, kOutOfMemory.
  FETTLE_API Result<Model> with_shapes(const std::map<std::string, Shape>& shapes) const;

  /// The same network with the layers that `quantisation` names computing with 8-bit integers. Weights of
  /// other layers are shared; ids and hashes stay, so that plans fit both by them. Layers between real
  /// numbers and integers are added as needed. Errors: kUnknownName (a layer or value that the model does not
  /// have), kInvalidArgument (a layer without a form with integers, numbers out of range, a model that is
  /// quantised this way already), each naming the layer or value, kLimitExceeded, kOutOfMemory.
  FETTLE_API Result<Model> quantised(const Quantisation& quantisation) const;
  /// What `quantised` was given; null for a model as it was read.
  FETTLE_API const std::shared_ptr<const Quantisation>& quantisation() const noexcept;
  /// The name of the value of a number in LayerInfo, the model's own where it has one. Of numbers that no
  /// layer and no input has: empty.
  FETTLE_API std::string_view value_name(int value) const noexcept;
  /// The number of an input's value in LayerInfo. `input` is below inputs().size().
  FETTLE_API int input_value(std::size_t input) const noexcept;
  /// The contents of the constants of a layer, one entry for each of its desc.inputs, empty for what is
  /// computed; dense, in the model's order. They live as long as the model. `layer` is an index into
  /// layers().
  FETTLE_API std::vector<ConstantBytes> constants(std::size_t layer) const;
  /// The network after passes, for the shapes that its inputs have here, as the bytes of an ONNX file that
  /// other runtimes read too: opset 17, or the least that all its layers need; inputs and outputs keep their
  /// names, and layers their ids. Quantised layers are written between DequantizeLinear and QuantizeLinear;
  /// weights of u8 around 128 as s8. Other layers that ONNX has no operator for are written in parts where
  /// that is possible. Read again, the bytes give the same quantised layers, and equal results (but for
  /// rounding, in layers of real numbers). Takes memory for the weights twice. Thread-safe.
  ///
  ///     fettle::Result<std::string> bytes = model.onnx();
  ///     if (!bytes) return bytes.error();
  ///     std::ofstream("optimised.onnx", std::ios::binary) << *bytes;
  ///
  /// Errors: kModelUnsupported, listing every layer that cannot be written (those with extents that depend on
  /// data, and those that quantise their operand while the network runs, among them), or for a file of more
  /// than 2 GB, which ONNX does not allow; kNotCompiledIn (a build without ONNX), kOutOfMemory.
  FETTLE_API Result<std::string> onnx() const;

  FETTLE_API const std::string& name() const noexcept;  ///< the file's stem, or what `parse` was given
  FETTLE_API std::span<const TensorInfo> inputs() const noexcept;
  FETTLE_API std::span<const TensorInfo> outputs() const noexcept;
  /// "xxh3:<32 hex digits>" of the imported graph before passes, without names, weights and bound shapes.
  FETTLE_API const std::string& graph_hash() const noexcept;
  /// "xxh3:<32 hex digits>" of all initialisers.
  FETTLE_API const std::string& weights_hash() const noexcept;
  /// The layers in execution order, after fusion.
  FETTLE_API std::span<const LayerInfo> layers() const noexcept;
  /// Bytes of all constants of the layers.
  FETTLE_API std::size_t constant_bytes() const noexcept;
  FETTLE_API std::int64_t opset() const noexcept;
  /// Names of the kernels that computed what is constant while the model was loaded: a build that leaves
  /// kernels out needs them too.
  FETTLE_API std::span<const std::string_view> folding_kernels() const noexcept;
  /// Number of nodes as imported, before passes.
  FETTLE_API std::size_t imported_nodes() const noexcept;
  /// What was assumed where the file leaves something open, a sentence each: "input x: dimension 0 (batch) is
  /// free, and taken as 1". For people.
  FETTLE_API std::span<const std::string> notes() const noexcept;
  /// What each pass made of the imported graph, in the order in which they ran.
  FETTLE_API std::span<const PassInfo> passes() const noexcept;

 private:
  friend struct ModelState;
  explicit Model(std::shared_ptr<const ModelState> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<const ModelState> state_;
};

}  // namespace fettle
