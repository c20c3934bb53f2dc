// Would a mistake be seen? One of each kind, chosen by the first argument; run by the tests of this folder.
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

namespace {

int behind_the_end(int at) { // a heap buffer that is read one too far
    const std::vector<int> values(4, 1);
    return values.data()[at];
}

int overflow(int value) { return value + 0x7fffffff; }

int race() { // two threads, no lock
    int shared = 0;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) ++shared;
    });
    for (int i = 0; i < 1000; ++i) ++shared;
    other.join();
    return shared;
}

} // namespace

int main(int count, char** words) {
    const char* what = count > 1 ? words[1] : "nothing";
    int value = 0;
    if (std::strcmp(what, "address") == 0) value = behind_the_end(3 + count / 2);
    if (std::strcmp(what, "undefined") == 0) value = overflow(count);
    if (std::strcmp(what, "thread") == 0) value = race();
    std::printf("%d\n", value);
    return 0;
}
