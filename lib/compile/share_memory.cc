// SPDX-License-Identifier: Apache-2.0
//
// Views instead of copies. Three kinds, in this order: reshapes (all of the parent's bytes), windows (pieces
// of concat, split and slice; in blocks of channels, kernels of concat and split take whole ones alone), and
// results computed in place.
#include "lib/compile/share_memory.h"
#include "lib/base/channel_block.h"

#include "lib/compile/lower.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fettle::runtime {
namespace {

// A result may be quantised otherwise than the operand whose bytes it takes.
bool same_storage(const Format& a, const Format& b) {
  return a.layout == b.layout && a.type == b.type && a.block == b.block;
}

class Sharing {
 public:
  Sharing(Schedule& schedule, const KernelTable& table) : schedule_(schedule), table_(table) { index(); }

  void run() {
    // What has fewer elements than its memory lies densely at the start of it: nothing has a place in there
    // that is the same in every run.
    for (Step& step : schedule_.steps) {
      if (has_bounded(step.desc)) continue;
      const Op op = step.desc.main().op;
      if (op == Op::reshape) share_reshape(step);
      if (op == Op::slice) share_slice(step);
      if (op == Op::split) share_split(step);
    }
    // Later concats first, so that a concat of concats ends as one buffer with windows inside windows.
    for (std::size_t i = schedule_.steps.size(); i-- > 0;) {
      const Step& step = schedule_.steps[i];
      if (step.desc.main().op == Op::concat && !step.alias && !has_bounded(step.desc)) share_concat(i);
    }
    index();
    share_in_place();
    for (Step& step : schedule_.steps) sync(step);
  }

 private:
  Tensor& tensor(TensorId id) { return schedule_.tensor(id); }

  // Producers and users of each tensor.
  void index() {
    producer_.assign(schedule_.tensors.size(), -1);
    users_.assign(schedule_.tensors.size(), {});
    children_.assign(schedule_.tensors.size(), {});
    for (std::size_t i = 0; i < schedule_.steps.size(); ++i) {
      const Step& step = schedule_.steps[i];
      for (TensorId id : step.outputs) producer_[static_cast<std::size_t>(id)] = static_cast<int>(i);
      for (TensorId id : step.inputs) {
        if (id != kNoTensor) users_[static_cast<std::size_t>(id)].push_back(static_cast<int>(i));
      }
    }
    for (std::size_t i = 0; i < schedule_.tensors.size(); ++i) {
      const TensorId parent = schedule_.tensors[i].parent;
      if (parent != kNoTensor)
        children_[static_cast<std::size_t>(parent)].push_back(static_cast<TensorId>(i));
    }
  }

  void adopt(TensorId child, TensorId parent, View view, std::size_t offset) {
    tensor(child).view = view;
    tensor(child).parent = parent;
    tensor(child).offset = offset;
    children_[static_cast<std::size_t>(parent)].push_back(child);
  }

  // Copies tensors' strides into the step's description.
  void sync(Step& step) {
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      if (step.inputs[i] != kNoTensor) step.desc.inputs[i].strides = tensor(step.inputs[i]).desc.strides;
    }
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      step.desc.outputs[i].strides = tensor(step.outputs[i]).desc.strides;
  }

  bool step_accepts(const Step& step) {
    if (step.alias) return true;
    Step trial = step;
    sync(trial);
    return table_.check(*step.kernel, trial.desc) == Refusal::none;
  }

  // Whether everything that touches the tensor, and the windows in it, works when it has these strides;
  // leaves them set when so.
  bool try_strides(TensorId id, const Strides& strides) {
    std::vector<std::pair<TensorId, Strides>> before;
    std::vector<TensorId> queue{id};
    bool ok = true;
    for (std::size_t next = 0; next < queue.size(); ++next) {
      Tensor& current = tensor(queue[next]);
      before.emplace_back(queue[next], current.desc.strides);
      current.desc.strides = strides;
      for (TensorId child : children_[static_cast<std::size_t>(queue[next])]) {
        // A reshape of a tensor that is no longer dense has no strides of its own.
        if (tensor(child).view == View::window)
          queue.push_back(child);
        else if (!current.desc.dense())
          ok = false;
      }
    }
    for (std::size_t i = 0; ok && i < queue.size(); ++i) {
      const auto at = static_cast<std::size_t>(queue[i]);
      if (producer_[at] >= 0) ok = step_accepts(schedule_.steps[static_cast<std::size_t>(producer_[at])]);
      for (int user : users_[at]) ok = ok && step_accepts(schedule_.steps[static_cast<std::size_t>(user)]);
    }
    if (!ok) {
      for (auto& [changed, old] : before) tensor(changed).desc.strides = old;
    }
    return ok;
  }

  void share_reshape(Step& step) {
    const TensorId from = step.inputs.front();
    const TensorId to = step.outputs.front();
    if (from == kNoTensor || !tensor(from).desc.dense() || tensor(from).desc.format.layout != Layout::nchw ||
        tensor(to).desc.format.layout != Layout::nchw) {
      return;
    }
    if (tensor(to).role == Role::inner) {
      adopt(to, from, View::same, 0);
    } else if (tensor(from).role == Role::inner && tensor(from).parent == kNoTensor) {
      adopt(from, to, View::same, 0);
    } else {
      return;
    }
    step.alias = true;
  }

  // Makes `to` the box of `from` that begins at `start` along `axis`, if its users can read it there.
  bool share_window(TensorId from, TensorId to, const std::vector<std::int64_t>& start) {
    if (tensor(to).role != Role::inner || tensor(to).parent != kNoTensor) return false;
    const TensorDesc& outer = tensor(from).desc;
    std::int64_t offset = 0;
    for (int axis = 0; axis < outer.shape.rank(); ++axis)
      offset += offset_along(outer.strides, outer.format, axis, start[static_cast<std::size_t>(axis)]);
    // The step that copies today counts as accepting: it goes away.
    const int producer = std::exchange(producer_[static_cast<std::size_t>(to)], -1);
    if (!try_strides(to, outer.strides)) {
      producer_[static_cast<std::size_t>(to)] = producer;
      return false;
    }
    adopt(to, from, View::window, static_cast<std::size_t>(offset) * size_of(outer.format.type));
    return true;
  }

  void share_slice(Step& step) {
    const TensorId from = step.inputs.front();
    if (from == kNoTensor || tensor(from).desc.format.layout == Layout::nchwc) return;
    const Attributes& attributes = step.desc.main().attributes;
    const auto starts = attributes.integers("starts");
    const auto axes = attributes.integers("axes");
    const auto steps = attributes.integers("steps");
    if (starts.size() != axes.size() || steps.size() != axes.size()) return;
    std::vector<std::int64_t> start(static_cast<std::size_t>(kMaxRank), 0);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (steps[i] != 1) return;
      start[static_cast<std::size_t>(axes[i])] = starts[i];
    }
    step.alias = share_window(from, step.outputs.front(), start);
  }

  void share_split(Step& step) {
    const TensorId from = step.inputs.front();
    if (from == kNoTensor) return;
    const auto axis = static_cast<std::size_t>(step.desc.main().attributes.integer("axis"));
    std::vector<std::int64_t> start(static_cast<std::size_t>(kMaxRank), 0);
    std::size_t shared = 0;
    for (TensorId to : step.outputs) {
      if (!share_window(from, to, start)) break;
      ++shared;
      start[axis] += tensor(to).desc.shape[static_cast<int>(axis)];
    }
    step.alias = shared == step.outputs.size();
    if (step.alias) return;
    // All or nothing: the split step writes every piece, and cannot write into what it reads.
    for (std::size_t i = 0; i < shared; ++i) {
      const TensorId to = step.outputs[i];
      std::erase(children_[static_cast<std::size_t>(from)], to);
      tensor(to).view = View::none;
      tensor(to).parent = kNoTensor;
      tensor(to).offset = 0;
      tensor(to).desc.strides = dense_strides(tensor(to).desc.shape, tensor(to).desc.format);
      producer_[static_cast<std::size_t>(to)] = static_cast<int>(&step - schedule_.steps.data());
    }
  }

  bool can_move_into_concat(TensorId id) {
    const Tensor& piece = tensor(id);
    return piece.role == Role::inner && piece.parent == kNoTensor &&
           producer_[static_cast<std::size_t>(id)] >= 0;
  }

  // Lets the producers of a concat's operands write where the concat would copy them. Operands that cannot
  // move are copied by a step of their own.
  void share_concat(std::size_t at) {
    const Step concat = schedule_.steps[at];
    const TensorId to = concat.outputs.front();
    const TensorDesc outer = tensor(to).desc;
    const auto axis = static_cast<int>(concat.desc.main().attributes.integer("axis"));
    // The concat itself no longer reads its operands, so it has no say in their strides.
    for (TensorId id : concat.inputs) {
      if (id == kNoTensor) return;
      std::erase(users_[static_cast<std::size_t>(id)], static_cast<int>(at));
    }
    std::vector<Step> copies;
    bool any = false;
    std::int64_t start = 0;
    for (TensorId id : concat.inputs) {
      const std::size_t offset =
          static_cast<std::size_t>(offset_along(outer.strides, outer.format, axis, start)) *
          size_of(outer.format.type);
      start += tensor(id).desc.shape[axis];
      if (can_move_into_concat(id) && try_strides(id, outer.strides)) {
        adopt(id, to, View::window, offset);
        any = true;
        continue;
      }
      copies.push_back(copy_into(id, to, outer, offset));
      copies.back().layer = concat.layer;
      if (copies.back().kernel == nullptr) return undo_concat(at, concat);
    }
    if (!any) return undo_concat(at, concat);
    if (copies.empty()) {
      schedule_.steps[at].alias = true;
      schedule_.steps[at].inputs = concat.inputs;
      return;
    }
    replace(at, std::move(copies));
  }

  Step copy_into(TensorId from, TensorId to, const TensorDesc& outer, std::size_t offset) {
    Tensor window;
    window.desc = tensor(from).desc;
    window.desc.strides = outer.strides;
    window.value = tensor(from).value;
    window.view = View::window;
    window.parent = to;
    window.offset = offset;
    schedule_.tensors.push_back(std::move(window));
    const auto id = static_cast<TensorId>(schedule_.tensors.size()) - 1;
    Step step = conversion_step(schedule_, table_, from, id, {});
    step.conversion = false;
    return step;
  }

  void undo_concat(std::size_t at, const Step& concat) {
    const TensorId to = concat.outputs.front();
    for (TensorId id : concat.inputs) {
      users_[static_cast<std::size_t>(id)].push_back(static_cast<int>(at));
      if (tensor(id).parent != to) continue;
      tensor(id).view = View::none;
      tensor(id).parent = kNoTensor;
      tensor(id).offset = 0;
      try_strides(id, dense_strides(tensor(id).desc.shape, tensor(id).desc.format));
    }
    // Windows made for copies are left without users; they hold no memory.
    for (std::size_t i = producer_.size(); i < schedule_.tensors.size(); ++i)
      schedule_.tensors[i].parent = kNoTensor;
    index();
  }

  void replace(std::size_t at, std::vector<Step> copies) {
    const auto position = schedule_.steps.begin() + static_cast<std::ptrdiff_t>(at);
    const auto next = schedule_.steps.erase(position);
    schedule_.steps.insert(next, std::make_move_iterator(copies.begin()),
                           std::make_move_iterator(copies.end()));
    index();
  }

  // For each root the last step that touches any tensor in its tree.
  std::vector<int> last_uses() {
    std::vector<int> last(schedule_.tensors.size(), -1);
    for (std::size_t i = 0; i < schedule_.steps.size(); ++i) {
      const Step& step = schedule_.steps[i];
      const auto touch = [&](TensorId id) {
        if (id != kNoTensor) last[static_cast<std::size_t>(schedule_.root_of(id))] = static_cast<int>(i);
      };
      for (TensorId id : step.inputs) touch(id);
      for (TensorId id : step.outputs) touch(id);
      for (const Condition& condition : step.conditions) touch(condition.tensor);
    }
    for (TensorId id : schedule_.outputs)
      last[static_cast<std::size_t>(schedule_.root_of(id))] = std::numeric_limits<int>::max();
    return last;
  }

  void share_in_place() {
    std::vector<int> last = last_uses();
    for (std::size_t i = 0; i < schedule_.steps.size(); ++i) {
      Step& step = schedule_.steps[i];
      if (step.alias || has_bounded(step.desc)) continue;
      const std::uint32_t allowed = in_place_inputs(*step.kernel, step.desc);
      for (std::size_t operand = 0; operand < step.inputs.size() && operand < 32; ++operand) {
        if ((allowed >> operand & 1u) == 0 || step.inputs[operand] == kNoTensor) continue;
        if (try_in_place(step, operand, static_cast<int>(i), last)) break;
      }
    }
  }

  bool try_in_place(Step& step, std::size_t operand, int at, std::vector<int>& last) {
    const TensorId from = step.inputs[operand];
    const TensorId to = step.outputs.front();
    const TensorId root = schedule_.root_of(from);
    const TensorDesc& a = tensor(from).desc;
    const TensorDesc& b = tensor(to).desc;
    if (a.shape != b.shape || !same_storage(a.format, b.format) || !a.dense() || !b.dense()) return false;
    if (tensor(to).parent != kNoTensor || root == to || tensor(root).role != Role::inner) return false;
    if (last[static_cast<std::size_t>(root)] != at) return false;
    for (std::size_t other = 0; other < step.inputs.size(); ++other) {
      if (other != operand && step.inputs[other] != kNoTensor &&
          schedule_.root_of(step.inputs[other]) == root)
        return false;
    }
    if (tensor(to).role == Role::inner) {
      adopt(to, from, View::same, 0);
      last[static_cast<std::size_t>(root)] = std::exchange(last[static_cast<std::size_t>(to)], -1);
      return true;
    }
    if (from != root) return false;  // an output's memory is its own: only a whole root can move there
    adopt(from, to, View::same, 0);
    return true;
  }

  Schedule& schedule_;
  const KernelTable& table_;
  std::vector<int> producer_;
  std::vector<std::vector<int>> users_;
  std::vector<std::vector<TensorId>> children_;
};

}  // namespace

void share_memory(Schedule& schedule, const KernelTable& table) { Sharing(schedule, table).run(); }

}  // namespace fettle::runtime
