"""What must hold where a wrong value would corrupt: asked in a debug build, and nothing otherwise.

`check(condition)` stands in code without the interpreter's lock, which can raise nothing. Under
ONECARD_DEBUG a condition that does not hold ends the process, with file, line and the condition's
words. In a release build the condition is not even evaluated: it must change nothing.
"""


cdef extern from *:
    """
    #ifdef ONECARD_DEBUG
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    /* Names in C have a prefix that nobody wrote; it is left out of the words. */
    static inline void onecard_broken(const char *words, const char *file, int line) {
        fprintf(stderr, "%s:%d: expected ", file, line);
        while (*words) {
            if (!strncmp(words, "__pyx_v_", 8)) words += 8; else fputc(*words++, stderr);
        }
        fprintf(stderr, ", found that it does not hold: a fault of the program, stopped here\\n");
        abort();
    }
    #define onecard_check(condition) \\
        ((condition) ? (void)0 : onecard_broken(#condition, __FILE__, __LINE__))
    #else
    #define onecard_check(condition) ((void)sizeof(condition))
    #endif
    """
    void check "onecard_check"(bint condition) noexcept nogil
