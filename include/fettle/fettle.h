// SPDX-License-Identifier: Apache-2.0
//
// Everything that an application needs to run networks. The tuner has its own header, <fettle/tuner.h>.
#pragma once

#include <fettle/cpu.h>
#include <fettle/error.h>
#include <fettle/kernel.h>
#include <fettle/layer.h>
#include <fettle/limits.h>
#include <fettle/model.h>
#include <fettle/op.h>
#include <fettle/pass_info.h>
#include <fettle/plan.h>
#include <fettle/program.h>
#include <fettle/runtime.h>
#include <fettle/tensor.h>
#include <fettle/thread_pool.h>
#include <fettle/types.h>
#include <fettle/version.h>
