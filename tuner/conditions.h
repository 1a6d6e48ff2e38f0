// SPDX-License-Identifier: Apache-2.0
//
// Frequency and temperature, where Linux tells.
#pragma once

#include <string>

namespace fettle::tuner {

/// For example "cpu0 1800 MHz (schedutil), 54 C"; empty where sysfs says nothing. `root` stands for "/sys" in
/// tests.
std::string sysfs_conditions(const std::string& root = "/sys");

}  // namespace fettle::tuner
