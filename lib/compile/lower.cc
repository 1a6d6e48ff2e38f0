// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/lower.h"

#include "lib/base/channel_block.h"
#include "lib/graph/conditions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace fettle::runtime {
namespace {

class Lowering {
 public:
  Lowering(const LayerGraph& layers, const std::vector<Assignment>& assignments, const KernelTable& table,
           const CompileOptions& options)
      : layers_(layers),
        graph_(*layers.model().graph),
        assignments_(assignments),
        table_(table),
        options_(options),
        conditions_(graph::conditions_of(graph_)) {
    for (const Assignment& assignment : assignments)
      threads_ = std::max(threads_, assignment.variant.threads);
  }

  Result<Schedule> run() {
    if (Status status = add_inputs(); !status) return std::move(status).error();
    // A region runs where its last layer stands: by then all of its operands have been computed.
    std::vector<int> region_at(assignments_.size(), -1);
    for (std::size_t i = 0; i < assignments_.size(); ++i) {
      if (assignments_[i].kernel == nullptr) continue;
      const std::size_t at =
          assignments_[i].covers.empty() ? i : static_cast<std::size_t>(assignments_[i].covers.back());
      region_at[at] = static_cast<int>(i);
    }
    for (int first : region_at) {
      if (first < 0) continue;
      if (Status status = add_layer(first); !status) return std::move(status).error();
    }
    if (Status status = add_outputs(); !status) return std::move(status).error();
    return std::move(schedule_);
  }

 private:
  using Key = std::pair<int, FormatTag>;

  static FormatTag tag_of(const Format& format) { return {format.layout, format.type}; }

  TensorId add_tensor(TensorDesc desc, int value) {
    Tensor tensor;
    tensor.desc = desc;
    tensor.value = value;
    schedule_.tensors.push_back(tensor);
    return static_cast<TensorId>(schedule_.tensors.size()) - 1;
  }

  Status add_inputs() {
    for (const auto& [name, input] : options_.inputs) {
      const auto& infos = layers_.model().inputs;
      const bool known = std::any_of(infos.begin(), infos.end(), [&wanted = name](const TensorInfo& info) {
        return info.name == wanted;
      });
      if (!known)
        return Error(ErrorCode::kUnknownName, "the model has no input named " + name,
                     "see `fettle inspect` for the names");
    }
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      const int value = graph_.inputs[i];
      const TensorInfo& info = layers_.model().inputs[i];
      const auto entry = options_.inputs.find(info.name);
      const bool picture = entry != options_.inputs.end() && entry->second.u8_nhwc;
      Format format{Layout::nchw, info.type};
      if (picture) {
        if (info.shape.rank() != 4 || info.type != DataType::f32) {
          return Error(ErrorCode::kInvalidArgument,
                       "input " + info.name + " is " + std::string(to_string(info.type)) + " " +
                           info.shape.text() + ", a picture needs f32 N x C x H x W",
                       "give this input as it is");
        }
        Result<Attributes> attributes = picture_attributes(info, entry->second);
        if (!attributes) return std::move(attributes).error();
        pictures_[value] = *std::move(attributes);
        format = {Layout::nhwc, DataType::u8};
      }
      const TensorId id = add_tensor(dense_desc(info.shape, format), value);
      schedule_.tensor(id).role = Role::input;
      schedule_.tensor(id).role_index = static_cast<int>(i);
      schedule_.inputs.push_back(id);
      sources_[value] = id;
      if (!picture) formats_[{value, tag_of(format)}] = id;
    }
    return {};
  }

  // (pixel - mean) / std as pixel * scale + shift, one per channel.
  static Result<Attributes> picture_attributes(const TensorInfo& info, const InputOptions& input) {
    const auto channels = static_cast<std::size_t>(info.shape[1]);
    const auto fits = [&](const std::vector<float>& list) {
      return list.size() <= 1 || list.size() == channels;
    };
    if (!fits(input.mean) || !fits(input.std)) {
      return Error(
          ErrorCode::kInvalidArgument,
          "input " + info.name + " has " + std::to_string(channels) + " channels, mean or std another number",
          "give one number, or one per channel");
    }
    if (input.swap_red_blue && channels != 3) {
      return Error(ErrorCode::kInvalidArgument,
                   "input " + info.name + " does not have 3 channels: red and blue cannot be exchanged");
    }
    std::vector<float> scale(channels, 1.0f);
    std::vector<float> shift(channels, 0.0f);
    for (std::size_t c = 0; c < channels; ++c) {
      const float mean = input.mean.empty() ? 0.0f : input.mean[input.mean.size() == 1 ? 0 : c];
      const float std = input.std.empty() ? 1.0f : input.std[input.std.size() == 1 ? 0 : c];
      scale[c] = 1.0f / std;
      shift[c] = -mean / std;
      // Also where the quotients are too large for a float.
      const bool good = std::isfinite(mean) && std::isfinite(std) && std::isfinite(scale[c] * 255.0f) &&
                        std::isfinite(shift[c]);
      if (!good) {
        return Error(ErrorCode::kInvalidArgument,
                     "input " + info.name + ": std must not be 0 (or nearly), mean and std must be finite",
                     "pixels become (pixel - mean) / std: give for example mean 127.5 and std 127.5");
      }
    }
    Attributes attributes;
    attributes.set("scale", std::move(scale));
    attributes.set("shift", std::move(shift));
    attributes.set("swap", std::int64_t{input.swap_red_blue ? 1 : 0});
    return attributes;
  }

  // The value as a tensor in `wanted`, converting it when it is not there yet. A value has one quantisation
  // at most, so that layout and type tell its formats apart.
  Result<TensorId> tensor_in(int value, const Format& wanted, const std::string& layer) {
    const Key key{value, tag_of(wanted)};
    if (const auto found = formats_.find(key); found != formats_.end()) return found->second;
    const auto source = sources_.find(value);
    if (source == sources_.end())
      return Error(ErrorCode::kInternal,
                   "value " + graph_.value(value).name + " is used before it is computed");
    const TensorId from = source->second;
    const Format have = schedule_.tensor(from).desc.format;
    const auto picture = pictures_.find(value);
    // What a layer knows of the stored numbers only, it passes on with their quantisation.
    const bool restored = picture == pictures_.end() && have.type == wanted.type;
    const Format format = restored ? in_layout(have, wanted.layout, table_.cpu().isa) : wanted;
    const TensorDesc& source_desc = schedule_.tensor(from).desc;
    const TensorId to = add_tensor(dense_desc(source_desc.shape, format, source_desc.bounded), value);
    formats_[key] = to;
    // Extents that are the most there can be say nothing of where elements lie.
    if (restored && schedule_.tensor(to).desc.bounded == 0 &&
        same_memory(schedule_.tensor(to).desc.shape, format, schedule_.tensor(from).desc.format)) {
      schedule_.tensor(to).view = View::same;
      schedule_.tensor(to).parent = from;
      return to;
    }
    return convert(from, to, picture == pictures_.end() ? Attributes{} : picture->second, layer);
  }

  Result<TensorId> convert(TensorId from, TensorId to, Attributes attributes, const std::string& layer) {
    Step step = conversion_step(schedule_, table_, from, to, std::move(attributes));
    if (step.kernel == nullptr)
      return Error(ErrorCode::kModelUnsupported,
                   layer + ": no kernel for the conversion " + step.desc.text());
    step.layer = layer;
    step.threads = step.kernel->threaded ? worthwhile_threads(step.desc, 0, threads_) : 1;
    schedule_.steps.push_back(std::move(step));
    return to;
  }

  Status add_layer(int first) {
    const Assignment& assignment = assignments_[static_cast<std::size_t>(first)];
    const LayerInfo& info = layers_.layer(first);
    Step step;
    step.layer = info.id;
    step.kernel = assignment.kernel;
    step.threads = assignment.variant.threads;
    step.desc = with_signature(layers_.describe(first, assignment.covers), assignment.variant.signature,
                               table_.cpu().isa);
    step.constants = layers_.input_constants(first, assignment.covers);
    const std::vector<int> values = layers_.input_values(first, assignment.covers);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < 0) {
        step.inputs.push_back(kNoTensor);
        continue;
      }
      Result<TensorId> tensor = tensor_in(values[i], step.desc.inputs[i].format, info.id);
      if (!tensor) return std::move(tensor).error();
      step.inputs.push_back(*tensor);
    }
    const int last = assignment.covers.empty() ? first : assignment.covers.back();
    const std::vector<int>& outputs = layers_.layer(last).outputs;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const TensorId id = add_tensor(step.desc.outputs[i], outputs[i]);
      sources_[outputs[i]] = id;
      formats_[{outputs[i], tag_of(step.desc.outputs[i].format)}] = id;
      step.outputs.push_back(id);
    }
    std::optional<Clamp> clamp;
    if (step.kernel->leaves_clamp) clamp = take_clamp(step.desc);
    const std::vector<TensorId> results = step.outputs;
    if (Status status = add_conditions(last, info.id, step); !status) return status;
    schedule_.steps.push_back(std::move(step));
    if (clamp) return add_clamp(info.id, results.front(), *clamp);
    return {};
  }

  // What only one side of a condition wants runs where it is that side's turn. A region's results are those
  // of its last layer. Conversions have no conditions: others may use what they make.
  Status add_conditions(int layer, const std::string& id, Step& step) {
    const graph::NodeId node = layers_.model().layer_nodes[static_cast<std::size_t>(layer)];
    for (const graph::Condition& condition : conditions_[static_cast<std::size_t>(node)]) {
      const Format plain{Layout::nchw, DataType::boolean};
      Result<TensorId> tensor = tensor_in(condition.value, plain, id);
      if (!tensor) return std::move(tensor).error();
      step.conditions.push_back({*tensor, condition.holds});
    }
    return {};
  }

  // The rest of an epilogue that the kernel has left: a step of its own, in place where memory sharing
  // allows.
  Status add_clamp(const std::string& layer, TensorId before, Clamp clamp) {
    const TensorId after = add_tensor(schedule_.tensor(before).desc, schedule_.tensor(before).value);
    Step step;
    step.layer = layer;
    LayerPart part;
    part.op = Op::clamp;
    part.attributes.set("min", clamp.low);
    part.attributes.set("max", clamp.high);
    part.operands = {0};
    step.desc.parts.push_back(std::move(part));
    step.desc.inputs = {schedule_.tensor(before).desc};
    step.desc.outputs = {schedule_.tensor(after).desc};
    step.kernel = table_.first_for(step.desc);
    if (step.kernel == nullptr)
      return Error(ErrorCode::kModelUnsupported, layer + ": no kernel for " + step.desc.text());
    step.threads = step.kernel->threaded ? worthwhile_threads(step.desc, 0, threads_) : 1;
    step.inputs = {before};
    step.outputs = {after};
    step.constants = {nullptr};
    sources_[schedule_.tensor(after).value] = after;
    formats_[{schedule_.tensor(after).value, tag_of(schedule_.tensor(after).desc.format)}] = after;
    schedule_.steps.push_back(std::move(step));
    return {};
  }

  Status add_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const int value = graph_.outputs[i];
      const TensorInfo& info = layers_.model().outputs[i];
      const TensorDesc wanted =
          dense_desc(info.shape, {Layout::nchw, info.type}, graph_.value(value).bounded);
      TensorId id = kNoTensor;
      if (const auto& constant = graph_.value(value).constant) {
        id = add_tensor(wanted, value);
        auto blob = std::make_shared<WeightBlob>();
        blob->owner = constant;
        blob->bytes = constant->bytes;
        schedule_.constant_outputs.push_back({static_cast<int>(i), std::move(blob)});
      } else {
        Result<TensorId> tensor = tensor_in(value, wanted.format, info.name);
        if (!tensor) return std::move(tensor).error();
        id = *tensor;
        // An input, a view, or a value that is an output already cannot also be this output's memory.
        if (schedule_.tensor(id).role != Role::inner || schedule_.tensor(id).view != View::none) {
          // With the quantisation that it has here: the copy is of stored numbers.
          const TensorId copy =
              add_tensor(dense_desc(info.shape, schedule_.tensor(id).desc.format, wanted.bounded), value);
          tensor = convert(id, copy, {}, info.name);
          if (!tensor) return std::move(tensor).error();
          id = copy;
        }
      }
      schedule_.tensor(id).role = Role::output;
      schedule_.tensor(id).role_index = static_cast<int>(i);
      schedule_.outputs.push_back(id);
    }
    return {};
  }

  const LayerGraph& layers_;
  const graph::Graph& graph_;
  const std::vector<Assignment>& assignments_;
  const KernelTable& table_;
  const CompileOptions& options_;
  const std::vector<std::vector<graph::Condition>> conditions_;  // by node
  int threads_ = 1;  // for what no plan speaks of, conversions: as many as the widest layer has
  Schedule schedule_;
  std::map<Key, TensorId> formats_;     // tensors of a value, by format
  std::map<int, TensorId> sources_;     // the tensor that a value was produced in
  std::map<int, Attributes> pictures_;  // inputs that arrive as 8-bit pictures
};

}  // namespace

Step conversion_step(const Schedule& schedule, const KernelTable& table, TensorId from, TensorId to,
                     Attributes attributes) {
  Step step;
  LayerPart part;
  part.op = Op::convert;
  part.attributes = std::move(attributes);
  part.operands = {0};
  step.desc.parts.push_back(std::move(part));
  step.desc.inputs = {schedule.tensor(from).desc};
  step.desc.outputs = {schedule.tensor(to).desc};
  step.kernel = table.first_for(step.desc);
  step.conversion = true;
  step.inputs = {from};
  step.outputs = {to};
  step.constants = {nullptr};
  return step;
}

Result<Schedule> lower(const LayerGraph& layers, const std::vector<Assignment>& assignments,
                       const KernelTable& table, const CompileOptions& options) {
  return Lowering(layers, assignments, table, options).run();
}

}  // namespace fettle::runtime
