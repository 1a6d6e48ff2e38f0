// SPDX-License-Identifier: Apache-2.0
//
// What a plan was made on, against what it meets.
#include <fettle/cpu.h>
#include <fettle/plan.h>
#include <fettle/version.h>

#include <algorithm>

namespace fettle {
namespace {

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
  if (same_isa && plan.cores == here.cores) return DeviceMatch::exact;
  const bool known =
      !plan.cores.empty() &&
      std::all_of(plan.cores.begin(), plan.cores.end(), [&](const PlanDevice::Cores& kind) {
        return std::any_of(here.cores.begin(), here.cores.end(),
                           [&](const PlanDevice::Cores& other) { return other.midr == kind.midr; });
      });
  return same_isa && known ? DeviceMatch::same_cores : DeviceMatch::other;
}

}  // namespace fettle
