// SPDX-License-Identifier: Apache-2.0
#include "lib/base/cpu.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace fettle {
namespace {

struct IsaName {
  Isa isa;
  const char* name;
};
constexpr IsaName kIsaNames[] = {
    {Isa::neon, "neon"},
    {Isa::neon_fma, "neon_fma"},
    {Isa::fp16, "fp16"},
    {Isa::dotprod, "dotprod"},
    {Isa::i8mm, "i8mm"},
    {Isa::bf16, "bf16"},
    {Isa::sve, "sve"},
    {Isa::sse41, "sse41"},
    {Isa::avx, "avx"},
    {Isa::f16c, "f16c"},
    {Isa::fma3, "fma3"},
    {Isa::avx2, "avx2"},
    {Isa::avx512f, "avx512f"},
    {Isa::avx512bw, "avx512bw"},
    {Isa::avx512dq, "avx512dq"},
    {Isa::avx512vl, "avx512vl"},
    {Isa::avx512cd, "avx512cd"},
    {Isa::avx512vnni, "avx512vnni"},
    {Isa::avx512vbmi, "avx512vbmi"},
    {Isa::amx_int8, "amx_int8"},
};

std::string core_folder(int core) { return "/sys/devices/system/cpu/cpu" + std::to_string(core); }

void read_caches(int core, CoreKind& kind, std::size_t& l3_bytes) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = core_folder(core) + "/cache/index" + std::to_string(index);
    const auto level = read_number(folder + "/level");
    const auto size = read_number(folder + "/size");
    if (!level || !size) break;
    // Level 1 lists data and instruction caches; the data cache comes first on every kernel.
    const auto bytes = static_cast<std::size_t>(*size);
    if (*level == 1 && kind.l1d_bytes == 0) kind.l1d_bytes = bytes;
    if (*level == 2) kind.l2_bytes = bytes;
    if (*level == 3) l3_bytes = std::max(l3_bytes, bytes);
  }
}

CoreKind describe_core(int core, std::size_t& l3_bytes) {
  CoreKind kind;
  kind.count = 1;
  kind.midr = core_id(core);
  kind.name = core_name(kind.midr);
  kind.max_khz =
      static_cast<std::uint32_t>(read_number(core_folder(core) + "/cpufreq/cpuinfo_max_freq").value_or(0));
  read_caches(core, kind, l3_bytes);
  if (kind.l1d_bytes == 0 || kind.l2_bytes == 0) detect_caches(kind, l3_bytes);
  return kind;
}

// Cores that this process may run on: a container may be given fewer than the machine has.
std::vector<int> usable_cores() {
  std::vector<int> cores;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
  if (cores.empty()) cores.push_back(0);
  return cores;
}

Cpu detect() {
  Cpu cpu;
  cpu.isa = detect_isa();
  for (int core : usable_cores()) {
    CoreKind kind = describe_core(core, cpu.l3_bytes);
    const auto same = std::find_if(cpu.cores.begin(), cpu.cores.end(), [&](const CoreKind& other) {
      return other.midr == kind.midr && other.max_khz == kind.max_khz;
    });
    if (same != cpu.cores.end())
      ++same->count;
    else
      cpu.cores.push_back(std::move(kind));
  }
  std::stable_sort(cpu.cores.begin(), cpu.cores.end(),
                   [](const CoreKind& a, const CoreKind& b) { return a.max_khz > b.max_khz; });
  return cpu;
}

}  // namespace

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return std::nullopt;
  char text[64] = {};
  const std::size_t count = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  char* end = text;
  const std::uint64_t number = std::strtoull(text, &end, 0);
  if (count == 0 || end == text) return std::nullopt;
  if (*end == 'K') return number << 10;
  if (*end == 'M') return number << 20;
  return number;
}

std::string isa_text(Isa isa) {
  std::string text;
  for (const IsaName& entry : kIsaNames) {
    if (!has_all(isa, entry.isa)) continue;
    if (!text.empty()) text.push_back(',');
    text += entry.name;
  }
  return text;
}

const Cpu& this_cpu() noexcept {
  static const Cpu cpu = detect();
  return cpu;
}

}  // namespace fettle
