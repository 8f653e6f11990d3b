//===- Options.cpp - the command line of fovea-launch ---------------------===//

#include "Options.h"

#include "fovea/runtime/fovea_runtime.h"

#include <cerrno>
#include <cstdlib>

using namespace fovea;

const char *fovea::getHelp() {
  return "usage: fovea-launch FILE.fovea [options]\n"
         "\n"
         "Runs a compiled program. Nothing of the compiler is needed.\n"
         "\n"
         "  --print                what is in the file, and stop\n"
         "  --device NAME          cpu (default), or a device with its number "
         "or options:\n"
         "                         cuda, cuda:1, hip:0, emulated, "
         "emulated:early,lifo. Given\n"
         "                         more than once, it runs on each, and all "
         "must give the\n"
         "                         same bits\n"
         "  --race-check           with the race detector of the emulator\n"
         "  --info                 what that device is\n"
         "  --target NAME          code for this target and no other\n"
         "  --entry NAME           function to run (default: the only one)\n"
         "  --input x.npy          one file per input, in order\n"
         "  --random SHAPE,...     instead: a shape per input, such as "
         "1x8x128x64, or\n"
         "                         scalar; normal values. Integers need a "
         "rule: SHAPE=arange\n"
         "                         (0, 1, ...), =shuffle, =random:N (below N), "
         "=every:N\n"
         "                         (index / N) or =N (all N)\n"
         "  --seed N               of --random (default: 0)\n"
         "  --output y.npy         one file per output, in order\n"
         "  --output-shape SHAPE,...\n"
         "                         a shape per output, where they depend on "
         "the data\n"
         "  --expect y.npy         one file per output to compare with\n"
         "  --tolerance X          largest error for --expect, as a part of "
         "the largest\n"
         "                         value (default: that of docs/numerics.md)\n"
         "  --bench N              run N times more; print the median time\n"
         "  --threads N            of the CPU (default: all)\n"
         "  --reproducible         the same bits for any number of threads "
         "(docs/numerics.md);\n"
         "                         without it FOVEA_REPRODUCIBLE=1 does that\n";
}

namespace {

class Parser {
public:
  Parser(int argc, char **argv, LaunchOptions &options)
      : argc(argc), argv(argv), options(options) {}

  bool parse();

private:
  bool refuse(const std::string &text) {
    fovea_rt_fail(text.c_str());
    return false;
  }
  bool parseOne(std::string argument);
  bool parseValue(const std::string &name, const std::string &value);
  bool parseNumber(const std::string &name, const std::string &value,
                   int64_t least, int64_t most, int64_t &number);
  bool nameDevices();

  int argc;
  char **argv;
  LaunchOptions &options;
  int next = 1;
};

} // namespace

static void splitAtCommas(const std::string &text,
                          std::vector<std::string> &parts) {
  size_t begin = 0;
  for (;;) {
    size_t end = text.find(',', begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) {
      return;
    }
    begin = end + 1;
  }
}

bool Parser::parseNumber(const std::string &name, const std::string &value,
                         int64_t least, int64_t most, int64_t &number) {
  char *end = nullptr;
  errno = 0;
  number = strtoll(value.c_str(), &end, 10);
  if (value.empty() || *end || errno || number < least || number > most) {
    return refuse("expected a whole number from " + std::to_string(least) +
                  " to " + std::to_string(most) + " after " + name + ", got '" +
                  value + "'");
  }
  return true;
}

bool Parser::parseValue(const std::string &name, const std::string &value) {
  int64_t number = 0;
  auto set = [](std::string &to, const std::string &text) {
    to = text;
    return true;
  };
  auto add = [](std::vector<std::string> &to, const std::string &text) {
    to.push_back(text);
    return true;
  };
  auto addAll = [](std::vector<std::string> &to, const std::string &text) {
    splitAtCommas(text, to);
    return true;
  };
  if (name == "--device") {
    return add(options.devices, value);
  }
  if (name == "--target") {
    return set(options.target, value);
  }
  if (name == "--entry") {
    return set(options.entry, value);
  }
  if (name == "--input") {
    return add(options.inputs, value);
  }
  if (name == "--output") {
    return add(options.outputs, value);
  }
  if (name == "--expect") {
    return add(options.expected, value);
  }
  if (name == "--random") {
    return addAll(options.randoms, value);
  }
  if (name == "--output-shape") {
    return addAll(options.shapes, value);
  }
  if (name == "--seed") {
    bool good = parseNumber(name, value, 0, INT64_MAX, number);
    options.seed = static_cast<uint64_t>(number);
    return good;
  }
  if (name == "--threads") {
    bool good = parseNumber(name, value, 0, FOVEA_RT_MAX_THREADS, number);
    options.threads = static_cast<int32_t>(number);
    return good;
  }
  if (name == "--bench") {
    bool good = parseNumber(name, value, 0, INT32_MAX, number);
    options.repeats = static_cast<int32_t>(number);
    return good;
  }
  if (name == "--tolerance") {
    char *end = nullptr;
    options.tolerance = strtod(value.c_str(), &end);
    return (!value.empty() && !*end && options.tolerance >= 0) ||
           refuse("expected a number that is not negative after --tolerance, "
                  "got '" +
                  value + "'");
  }
  return refuse("unknown option '" + name + "'; see --help");
}

bool Parser::parseOne(std::string argument) {
  if (argument.size() < 2 || argument[0] != '-') {
    if (!options.file.empty()) {
      return refuse("expected one FILE.fovea, got '" + options.file +
                    "' and '" + argument + "'");
    }
    options.file = argument;
    return true;
  }
  // One dash or two, as in the compiler's tools.
  if (argument[1] != '-') {
    argument.insert(0, "-");
  }
  bool *flag = argument == "--print"          ? &options.prints
               : argument == "--info"         ? &options.showsDevice
               : argument == "--help"         ? &options.showsHelp
               : argument == "--race-check"   ? &options.checksRaces
               : argument == "--reproducible" ? &options.isReproducible
                                              : nullptr;
  if (flag) {
    *flag = true;
    return true;
  }
  size_t equals = argument.find('=');
  if (equals != std::string::npos) {
    return parseValue(argument.substr(0, equals), argument.substr(equals + 1));
  }
  if (next == argc) {
    return refuse("expected a value after " + argument);
  }
  return parseValue(argument, argv[next++]);
}

/// Where to run: what --device says, else the CPU; with --race-check devices
/// that are emulated.
bool Parser::nameDevices() {
  std::vector<std::string> &names = options.devices;
  if (names.empty()) {
    names.push_back(options.checksRaces ? "emulated" : "cpu");
  }
  for (std::string &name : names) {
    if (!options.checksRaces) {
      break;
    }
    size_t colon = name.find(':');
    if (name.substr(0, colon) != "emulated") {
      return refuse("expected emulated devices for --race-check, got '" + name +
                    "'");
    }
    name = "emulated:race" +
           (colon == std::string::npos ? "" : "," + name.substr(colon + 1));
  }
  return true;
}

bool Parser::parse() {
  while (next < argc) {
    if (!parseOne(argv[next++])) {
      return false;
    }
  }
  if (options.file.empty() && !options.showsHelp && !options.showsDevice) {
    return refuse("expected FILE.fovea; see --help");
  }
  if (!options.inputs.empty() && !options.randoms.empty()) {
    return refuse("expected --input or --random, got both");
  }
  return nameDevices();
}

bool fovea::parseOptions(int argc, char **argv, LaunchOptions &options) {
  return Parser(argc, argv, options).parse();
}
