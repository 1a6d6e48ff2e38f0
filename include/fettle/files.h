// SPDX-License-Identifier: Apache-2.0
//
// Files as Fettle reads and writes them: plans, records, reports, traces and arrays all go through here, and
// an application's own files may.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// What happens to a file that is there already.
enum class OutputMode {
  replace,  ///< write_file
  append    ///< append_lines
};

/// Whether `path` can be written, found out before the work whose result goes there. The file and its folder
/// are left as they are. Errors: kInvalidArgument (no name), kFileUnwritable (no such folder, no permission,
/// a folder, a link that leads nowhere, a block device, a FIFO, a socket).
FETTLE_API Status check_output_file(const std::string& path, OutputMode mode = OutputMode::replace);

/// Whether two paths lead to the same file, by whatever links; neither need exist yet.
FETTLE_API bool same_file(const std::string& a, const std::string& b);

/// Makes `text` the whole content of a file: a new one, or one that takes the place of the file that is there
/// and keeps its permissions. Whoever reads the path sees the old content or the new one; after an error the
/// old one is untouched. A symbolic link stays, and the file that it leads to is replaced. A character device
/// such as /dev/null is written to. Errors: those of check_output_file, and kFileUnwritable (a full disk).
FETTLE_API Status write_file(const std::string& path, std::string_view text);

/// Adds whole lines to the end of a regular file, which is made if there is none. A last line that was cut
/// off is ended first. Errors: those of check_output_file, and kFileUnwritable (a full disk).
FETTLE_API Status append_lines(const std::string& path, std::string_view text);

/// A regular file as a whole. Never waits, as opening a FIFO would. Errors: kFileNotFound, kFileUnreadable
/// (not a regular file, no permission), kLimitExceeded (more than `limit` bytes).
FETTLE_API Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t limit);

}  // namespace fettle
