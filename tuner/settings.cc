// SPDX-License-Identifier: Apache-2.0
#include "tuner/settings.h"

#include "tuner/at.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace fettle::tuner {
namespace {

// What is alike in a homogeneous setting.
struct Key {
  std::string family;
  Layout layout = Layout::nchw;
  int threads = 1;

  friend bool operator<(const Key& a, const Key& b) {
    return std::tie(a.family, a.layout, a.threads) < std::tie(b.family, b.layout, b.threads);
  }
  bool fits(const Candidate& candidate) const {
    return !candidate.covered() && kernel_family(candidate.variant.kernel) == family &&
           candidate.variant.signature.output.layout == layout && candidate.variant.threads == threads;
  }
};

int closest(const SpaceLayer& layer, const Key& key) {
  int best = -1;
  int best_score = -1;
  for (std::size_t c = 0; c < layer.candidates.size(); ++c) {
    const Candidate& candidate = layer.candidates[c];
    if (candidate.covered() || !candidate.covers.empty()) continue;
    const bool family = kernel_family(candidate.variant.kernel) == key.family;
    const int score = (candidate.variant.signature.output.layout == key.layout ? 8 : 0) +
                      (candidate.variant.signature.input.layout == key.layout ? 4 : 0) +
                      (candidate.variant.threads == key.threads ? 2 : 0) + (family ? 1 : 0);
    if (score <= best_score) continue;
    best_score = score;
    best = static_cast<int>(c);
  }
  return best < 0 ? layer.default_candidate : best;
}

// The covered choice of `other` under region `layer`, or -1.
int covered_choice(const Space& space, int other, int layer, int candidate) {
  const std::vector<Candidate>& candidates = space.layers[at(other)].candidates;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (candidates[c].region == layer && candidates[c].region_candidate == candidate)
      return static_cast<int>(c);
  }
  return -1;
}

class Cover {
 public:
  explicit Cover(const Space& space) : space_(space) {
    for (const SpaceLayer& layer : space.layers) seen_.emplace_back(layer.candidates.size(), 0);
  }

  std::vector<Setting> run() {
    add({"default", base_choice(space_), kHomogeneousRank});
    for (const Key& key : keys()) {
      for (std::size_t turn = 0; turn < most_of(key); ++turn) {
        Choice choice;
        for (const SpaceLayer& layer : space_.layers) choice.push_back(pick(layer, key, turn));
        make_consistent(space_, choice);
        std::string name = key.family + " " + std::string(to_string(key.layout));
        if (space_.threads > 1) name += " x" + std::to_string(key.threads);
        if (turn > 0) name += " #" + std::to_string(turn + 1);
        add({std::move(name), std::move(choice), kHomogeneousRank});
      }
    }
    add_rest();
    return std::move(settings_);
  }

 private:
  // Families in the order in which candidates name them: the library's order of preference.
  std::vector<Key> keys() const {
    std::vector<Key> keys;
    std::set<Key> known;
    std::set<std::string> slow;
    for (const SpaceLayer& layer : space_.layers) {
      for (const Candidate& candidate : layer.candidates) {
        if (candidate.covered()) continue;
        Key key{kernel_family(candidate.variant.kernel), candidate.variant.signature.output.layout,
                candidate.variant.threads};
        if (candidate.reference) slow.insert(key.family);
        if (known.insert(key).second) keys.push_back(std::move(key));
      }
    }
    // Slow families last.
    std::stable_partition(keys.begin(), keys.end(),
                          [&](const Key& key) { return !slow.contains(key.family); });
    return keys;
  }

  std::size_t most_of(const Key& key) const {
    std::ptrdiff_t most = 0;
    for (const SpaceLayer& layer : space_.layers) {
      most = std::max(most, std::count_if(layer.candidates.begin(), layer.candidates.end(),
                                          [&](const Candidate& c) { return key.fits(c); }));
    }
    return static_cast<std::size_t>(most);
  }

  static int pick(const SpaceLayer& layer, const Key& key, std::size_t turn) {
    std::vector<int> fitting;
    for (std::size_t c = 0; c < layer.candidates.size(); ++c) {
      if (key.fits(layer.candidates[c])) fitting.push_back(static_cast<int>(c));
    }
    if (fitting.empty()) return closest(layer, key);
    return fitting[std::min(turn, fitting.size() - 1)];
  }

  // Candidates that no homogeneous setting reached (overlapping regions): as many at a time as fit together.
  void add_rest() {
    std::vector<Candidacy> rest;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      for (std::size_t c = 0; c < seen_[i].size(); ++c) {
        if (seen_[i][c] == 0 && !space_.layers[i].candidates[c].covered())
          rest.push_back({static_cast<int>(i), static_cast<int>(c)});
      }
    }
    while (!rest.empty()) add({"rest", gather(space_, rest), kMixedRank});
  }

  // Adds the setting when it shows something new.
  bool add(Setting setting) {
    bool fresh = settings_.empty();
    for (std::size_t i = 0; i < setting.choice.size(); ++i) {
      if (space_.layers[i].candidates.empty()) continue;
      char& seen = seen_[i][at(setting.choice[i])];
      if (seen == 0 && !space_.layers[i].candidates[at(setting.choice[i])].covered()) fresh = true;
      seen = 1;
    }
    if (fresh) settings_.push_back(std::move(setting));
    return fresh;
  }

  const Space& space_;
  std::vector<std::vector<char>> seen_;
  std::vector<Setting> settings_;
};

}  // namespace

void make_consistent(const Space& space, Choice& choice) {
  std::vector<char> taken(choice.size(), 0);
  const auto own = [&](std::size_t layer) {
    const SpaceLayer& entry = space.layers[layer];
    for (std::size_t c = 0; c < entry.candidates.size(); ++c) {
      const int index = static_cast<int>((c + at(entry.default_candidate)) % entry.candidates.size());
      if (!entry.candidates[at(index)].covered() && entry.candidates[at(index)].covers.empty()) return index;
    }
    return entry.default_candidate;
  };
  for (std::size_t i = 0; i < choice.size(); ++i) {
    if (taken[i] != 0 || space.layers[i].candidates.empty()) continue;
    const Candidate& candidate = space.layers[i].candidates[at(choice[i])];
    if (candidate.covered()) {
      choice[i] = own(i);
      continue;
    }
    if (candidate.covers.empty()) continue;
    const bool possible = std::all_of(candidate.covers.begin(), candidate.covers.end(), [&](int other) {
      return taken[at(other)] == 0 && covered_choice(space, other, static_cast<int>(i), choice[i]) >= 0;
    });
    if (!possible) {
      choice[i] = own(i);
      continue;
    }
    const int chosen = choice[i];
    for (int other : candidate.covers) {
      taken[at(other)] = 1;
      choice[at(other)] = covered_choice(space, other, static_cast<int>(i), chosen);
    }
  }
}

Choice gather(const Space& space, std::vector<Candidacy>& wanted) {
  Choice choice = base_choice(space);
  std::vector<char> taken(choice.size(), 0);
  std::vector<Candidacy> waiting;
  for (const Candidacy& one : wanted) {
    const Candidate& candidate = space.layers[at(one.layer)].candidates[at(one.candidate)];
    const bool free =
        taken[at(one.layer)] == 0 && std::all_of(candidate.covers.begin(), candidate.covers.end(),
                                                 [&](int other) { return taken[at(other)] == 0; });
    if (!free) {
      waiting.push_back(one);
      continue;
    }
    choice[at(one.layer)] = one.candidate;
    taken[at(one.layer)] = 1;
    for (int other : candidate.covers) taken[at(other)] = 1;
  }
  wanted = std::move(waiting);
  make_consistent(space, choice);
  return choice;
}

Choice base_choice(const Space& space) {
  Choice choice = default_choice(space);
  make_consistent(space, choice);
  return choice;
}

std::vector<Setting> covering_settings(const Space& space) { return Cover(space).run(); }

std::vector<Setting> mixed_settings(const Space& space) {
  std::vector<Setting> settings;
  for (int parity = 0; parity < 2; ++parity) {
    Choice choice = base_choice(space);
    std::vector<int> depth(choice.size(), 0);
    bool changed = false;
    for (std::size_t i = 0; i < choice.size(); ++i) {
      for (int value : space.layers[i].inputs) {
        const int producer = space.values.at(value).producer;
        if (producer >= 0) depth[i] = std::max(depth[i], depth[at(producer)] + 1);
      }
      if (space.layers[i].candidates.empty()) continue;
      const Candidate& now = space.layers[i].candidates[at(choice[i])];
      if (now.covered() || !now.covers.empty()) continue;
      const Layout layout = (depth[i] + parity) % 2 == 0 ? Layout::nchw : Layout::nhwc;
      const int wanted =
          closest(space.layers[i], {kernel_family(now.variant.kernel), layout, now.variant.threads});
      changed = changed || wanted != choice[i];
      choice[i] = wanted;
    }
    if (changed)
      settings.push_back(
          {parity == 0 ? "mixed layouts" : "mixed layouts, other way", std::move(choice), kMixedRank});
  }
  return settings;
}

}  // namespace fettle::tuner
