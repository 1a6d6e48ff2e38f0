// SPDX-License-Identifier: Apache-2.0
#include "tuner/conditions.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace fettle::tuner {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::string sysfs_conditions(const std::string& root) {
  std::string text;
  const std::string cpufreq = root + "/devices/system/cpu/cpu0/cpufreq/";
  const long khz = std::strtol(first_line(cpufreq + "scaling_cur_freq").c_str(), nullptr, 10);
  if (khz > 0) {
    text = "cpu0 " + std::to_string(khz / 1000) + " MHz";
    const std::string governor = first_line(cpufreq + "scaling_governor");
    if (!governor.empty()) text += " (" + governor + ")";
  }
  long hottest = 0;
  for (int zone = 0; zone < 16; ++zone) {
    const std::string line =
        first_line(root + "/class/thermal/thermal_zone" + std::to_string(zone) + "/temp");
    if (!line.empty()) hottest = std::max(hottest, std::strtol(line.c_str(), nullptr, 10));
  }
  if (hottest > 0) text += (text.empty() ? "" : ", ") + std::to_string(hottest / 1000) + " C";
  return text;
}

}  // namespace fettle::tuner
