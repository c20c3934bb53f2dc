// Where in the file system does the bundle lie that this code was loaded from?
#pragma once

#include <string>

namespace retempo::ofx {

// Path of a file in Contents/Resources; empty when the system does not say where we are. Nothing is opened.
std::string find_resource(const std::string& name);

} // namespace retempo::ofx
