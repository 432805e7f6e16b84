/* version.h - the program's version. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H
#define VMUX_VERSION "0.1"
#endif
