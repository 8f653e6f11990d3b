//===- Options.h - the command line of fovea-launch -----------------------===//

#ifndef FOVEA_TOOLS_FOVEA_LAUNCH_OPTIONS_H
#define FOVEA_TOOLS_FOVEA_LAUNCH_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct LaunchOptions {
  std::string file;
  std::vector<std::string> devices; // at least one
  std::string target, entry;
  std::vector<std::string> inputs, outputs, expected, randoms, shapes;
  uint64_t seed = 0;
  int32_t threads = 0;
  int32_t repeats = 0;
  double tolerance = -1; // as docs/numerics.md says
  bool prints = false;
  bool showsDevice = false;
  bool showsHelp = false;
  bool checksRaces = false;
  bool isReproducible = false;
};

/// False after an error.
bool parseOptions(int argc, char **argv, LaunchOptions &options);

/// The text of --help.
const char *getHelp();

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_LAUNCH_OPTIONS_H
