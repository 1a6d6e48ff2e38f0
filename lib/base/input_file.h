// SPDX-License-Identifier: Apache-2.0
//
// Opening files for reading: the one place where it is done.
#pragma once

#include "lib/base/descriptor.h"

#include <fettle/error.h>

#include <cstddef>
#include <string>

namespace fettle {

/// A regular file, open for reading.
struct InputFile {
  Descriptor descriptor;
  std::size_t size = 0;  ///< when it was opened
};

/// Opens a regular file without waiting: a FIFO without a writer, or a device, would hold up whoever opens
/// it. Errors: kFileNotFound, kFileUnreadable (not a regular file, no permission).
Result<InputFile> open_input_file(const std::string& path);

/// The same for a file below a folder, by a path that leads downwards only. Neither the file nor a folder on
/// the way may be a symbolic link, and the file may have no other name (hard link): what a file names could
/// be anything of the user's otherwise. Each step is taken from the folder before, so that nothing put in its
/// place meanwhile is followed. Errors: as above, and kFileUnreadable for links.
Result<InputFile> open_input_file_below(const std::string& folder, const std::string& path);

/// The error of reading a file, from errno.
Error input_error(const std::string& path, int reason);

}  // namespace fettle
