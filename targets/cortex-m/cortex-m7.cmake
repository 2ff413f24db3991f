# Cortex-M7 with the single-precision FPU, which every M7 with an FPU can run; the example runs on the Arm MPS2 board with
# image AN500.
set(cpu_flags "-mcpu=cortex-m7 -mfpu=fpv5-sp-d16")
set(CMAKE_SYSTEM_PROCESSOR cortex-m7)
set(LINNET_BOARD mps2-an500)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
