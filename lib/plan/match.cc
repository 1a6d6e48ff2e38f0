// SPDX-License-Identifier: Apache-2.0
//
// What a plan was made on, against what it meets.
#include <fettle/cpu.h>
#include <fettle/plan.h>
#include <fettle/version.h>

#include <algorithm>

namespace fettle {
namespace {

bool same_layouts(const std::optional<LayoutPair>& a, const std::optional<LayoutPair>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->input == b->input && a->output == b->output);
}

bool same_cores(const PlanDevice::Cores& a, const PlanDevice::Cores& b) {
  return a.midr == b.midr && a.count == b.count && a.l1d == b.l1d && a.l2 == b.l2;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

}  // namespace

bool operator==(const PlanLayer& a, const PlanLayer& b) {
  return a.kernel == b.kernel && a.revision == b.revision && same_layouts(a.layouts, b.layouts) &&
         a.threads == b.threads && a.covers == b.covers && a.pinned == b.pinned;
}

PlanDevice Plan::this_device() {
  const Cpu& cpu = this_cpu();
  PlanDevice device;
  device.isa = split(isa_text(cpu.isa));
  for (const CoreKind& kind : cpu.cores)
    device.cores.push_back({kind.midr, kind.count, kind.l1d_bytes, kind.l2_bytes});
  device.library = FETTLE_VERSION;
  return device;
}

DeviceMatch match_device(const PlanDevice& plan, const PlanDevice& here) noexcept {
  const bool same_isa = plan.isa == here.isa;
  if (same_isa &&
      std::equal(plan.cores.begin(), plan.cores.end(), here.cores.begin(), here.cores.end(), same_cores))
    return DeviceMatch::exact;
  const bool known =
      !plan.cores.empty() &&
      std::all_of(plan.cores.begin(), plan.cores.end(), [&](const PlanDevice::Cores& kind) {
        return std::any_of(here.cores.begin(), here.cores.end(),
                           [&](const PlanDevice::Cores& other) { return other.midr == kind.midr; });
      });
  return same_isa && known ? DeviceMatch::same_cores : DeviceMatch::other;
}

}  // namespace fettle
