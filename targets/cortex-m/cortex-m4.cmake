# Cortex-M4 with the single-precision FPU; the example runs on the Arm MPS2 board with image AN386.
set(cpu_flags "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16")
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(LINNET_BOARD mps2-an386)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
